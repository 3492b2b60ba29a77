package consent

import (
	"slices"
)

// holdersOf is the set of those under whose pseudonym a purpose is allowed, as the
// oracle has it; empty denies.
type holdersOf struct{ nobody, visitor, contact bool }

func (h holdersOf) and(o holdersOf) holdersOf {
	return holdersOf{h.nobody && o.nobody, h.visitor && o.visitor, h.contact && o.contact}
}

func (h holdersOf) none() bool { return h == holdersOf{} }

// placed is an oracle written apart from the code, as CONSENT.md words it: a
// purpose is allowed only where it is allowed under each jurisdiction alone.
type placed struct {
	p *Policy
	s *Signals
	u *Subject
}

func (o placed) outcome(i int) Outcome {
	if o.everywhere(i).none() {
		return Deny
	}
	return Allow
}

func (o placed) everywhere(i int) holdersOf {
	all := holdersOf{true, true, true}
	for _, j := range o.places() {
		all = all.and(o.under(i, j))
	}
	return all
}

func (o placed) places() []Jurisdiction {
	places := []Jurisdiction{o.p.Establishment, o.u.Address}
	if o.u.Contact != nil {
		places = append(places, o.u.Contact.Place)
	}
	if o.u.Second != nil {
		places = append(places, o.u.Second.Place)
	}
	if o.u.Visitor != nil && o.u.Visitor.Place != JurisdictionUnknown {
		places = append(places, o.u.Visitor.Place)
	}
	for _, r := range []*Record{o.u.Visitor, o.u.Contact, o.u.Second} {
		for j := range jurisdictions {
			if r != nil && r.Linked>>j&1 != 0 {
				places = append(places, Jurisdiction(j))
			}
		}
	}
	return places
}

// under is what one jurisdiction allows; the unknown one what all do.
func (o placed) under(i int, j Jurisdiction) holdersOf {
	if j == JurisdictionUnknown {
		all := o.by(i, o.p.Purposes[i].Rule(), false, j)
		for _, one := range []Jurisdiction{JurisdictionEU, JurisdictionUS, JurisdictionOther} {
			all = all.and(o.under(i, one))
		}
		for _, t := range o.p.Tables {
			all = all.and(o.under(i, t.Jurisdiction))
		}
		return all
	}
	all := holdersOf{true, true, true}
	for _, r := range o.rules(i, j) {
		all = all.and(o.by(i, r, j == JurisdictionEU, j))
	}
	return all
}

// rules are those of a jurisdiction: its table's, its country's, the purpose's own;
// of the US also those of all its states.
func (o placed) rules(i int, j Jurisdiction) (all []Rule) {
	find := func(want func(Jurisdiction) bool) (found []Rule) {
		for _, t := range o.p.Tables {
			if want(t.Jurisdiction) {
				found = append(found, t.Rules[i])
			}
		}
		return found
	}
	exact := find(func(of Jurisdiction) bool { return of == j })
	if len(exact) == 0 && j.American() {
		exact = find(func(of Jurisdiction) bool { return of == JurisdictionUS })
	}
	if len(exact) == 0 {
		exact = []Rule{o.p.Purposes[i].Rule()}
	}
	if j == JurisdictionUS {
		exact = append(exact, find(func(of Jurisdiction) bool { return of.American() && of != JurisdictionUS })...)
	}
	return exact
}

// by is what one rule allows.
func (o placed) by(i int, r Rule, eu bool, j Jurisdiction) holdersOf {
	p, u := &o.p.Purposes[i], o.u
	no := holdersOf{}
	if u.Class&ClassCriminal != 0 || u.Class > 7 {
		return no
	}
	for _, rec := range []*Record{u.Visitor, u.Contact, u.Second} {
		if rec == nil {
			continue
		}
		if rec.State != StateActive {
			return no
		}
		if p.Basis == BasisContract {
			continue
		}
		held := rec.Purposes[p.Bit].Choice
		if rec.ProfilingOff && p.Kind == KindProfiling || held != ChoiceUnset && held != ChoiceGiven {
			return no
		}
		if rec.OptOut && (p.US&^USSensitive != 0 || p.Kind == KindProfiling || p.Kind == KindMarketing || p.Kind == KindSharing) {
			return no
		}
	}
	minor, ward := o.age()
	if minor && p.Kind == KindProfiling {
		return no
	}
	guardian := ward || minor && p.Guardian
	special := u.Class&ClassSpecial != 0
	if p.Basis == BasisContract && r.Basis != BasisUnknown { // whatever is said, and whatever else the table says
		r.Basis = BasisContract
		rest := holdersOf{}
		if p.Kind == KindMeasurement && (!eu || !p.Terminal || p.Exemption != "") && (!special || p.Special) {
			rest = o.rest(i, r, j, rest, false)
		}
		if special {
			return rest.and(o.ledger(p, nil, guardian))
		}
		return rest
	}
	adpc, granted, refused, unreadable := o.said(i)
	if refused || unreadable && p.Kind != KindMeasurement || u.NoOrigin && p.Kind != KindMeasurement {
		return no
	}
	if o.stopped(i, r, eu, adpc) {
		return no
	}
	asks := o.asking(i, adpc)
	ledger := o.ledger(p, asks, guardian)
	if len(asks) > 0 && !ledger.visitor && !ledger.contact {
		return no
	}
	if eu && p.Terminal && p.Exemption == "" && r.Basis != BasisConsent {
		return no
	}
	if special && !p.Special {
		return no
	}
	rest := o.rest(i, r, j, ledger, len(asks) == 0 && !special && !guardian && granted)
	if special {
		return rest.and(ledger)
	}
	return rest
}

// rest is what the basis of a rule allows, once nothing stands against it.
func (o placed) rest(i int, r Rule, j Jurisdiction, ledger holdersOf, request bool) holdersOf {
	p, u, no := &o.p.Purposes[i], o.u, holdersOf{}
	browser := u.Visitor != nil && (!u.Server || u.Contact == nil)
	switch r.Basis {
	case BasisConsent:
		if request {
			ledger.visitor = ledger.visitor || u.Speaks == SpeaksForVisitor && browser
			ledger.contact = ledger.contact || u.Speaks == SpeaksForContact && u.Contact != nil
		}
		return ledger
	case BasisLegitimateInterest:
		if p.Kind != KindMeasurement && p.Kind != KindAnalytics {
			return no
		}
		return holdersOf{true, browser, u.Contact != nil}
	case BasisContract:
		if p.Kind != KindMeasurement {
			return no
		}
		return holdersOf{true, browser, u.Contact != nil}
	case BasisRelated:
		k := o.p.Find(p.Related)
		if !p.Compatible || k < 0 {
			return no
		}
		for _, other := range o.rules(k, j) {
			if other.Basis != BasisConsent && other.Basis != BasisLegitimateInterest && other.Basis != BasisContract || other.Basis == BasisConsent && !p.Named {
				return no
			}
		}
		return o.everywhere(k)
	default:
		return no
	}
}

type browserSignal struct {
	present bool
	reach   func(Rule) Reach
	held    func(*Held) bool
}

func (o placed) browserSignals(adpc bool) []browserSignal {
	return []browserSignal{
		{o.s.GPC == Present, func(r Rule) Reach { return r.GPC }, func(h *Held) bool { return h.Dialogue && h.GPC }},
		{o.s.DNT == Present, func(r Rule) Reach { return r.DNT }, func(h *Held) bool { return h.Dialogue && h.DNT }},
		{adpc, func(r Rule) Reach { return r.ADPC }, func(h *Held) bool { return h.Dialogue && h.ADPC }},
	}
}

// stopped says whether a browser's signal refuses by the rule.
func (o placed) stopped(i int, r Rule, eu, adpc bool) bool {
	objection := eu && r.Basis == BasisLegitimateInterest && o.p.Purposes[i].Kind != KindMeasurement
	for _, sig := range o.browserSignals(adpc) {
		if reach := sig.reach(r); sig.present && reach != ReachAsk && (reach != ReachIgnore || objection) {
			return true
		}
	}
	return false
}

// asking are the signals that ask in any place: one grant must beat them all.
func (o placed) asking(i int, adpc bool) (asks []func(*Held) bool) {
	var rules []Rule
	for _, j := range o.places() {
		if j == JurisdictionUnknown {
			rules = append(rules, o.p.Purposes[i].Rule())
			for _, t := range o.p.Tables {
				rules = append(rules, t.Rules[i])
			}
			continue
		}
		rules = append(rules, o.rules(i, j)...)
	}
	for _, sig := range o.browserSignals(adpc) {
		if sig.present && slices.ContainsFunc(rules, func(r Rule) bool { return sig.reach(r) == ReachAsk }) {
			asks = append(asks, sig.held)
		}
	}
	return asks
}

func (o placed) age() (minor, ward bool) {
	minor = o.u.Class&ClassChild != 0
	ward = minor
	for _, rec := range []*Record{o.u.Visitor, o.u.Contact, o.u.Second} {
		if rec != nil {
			minor = minor || rec.Minority.Minor > o.u.Today
			ward = ward || rec.Minority.Ward > o.u.Today
		}
	}
	return minor, ward
}

// said is what the statements say: ADPC against, a grant, a refusal, unreadable.
func (o placed) said(i int) (adpc, granted, refused, unreadable bool) {
	for _, st := range o.s.Statements[:o.s.Count] {
		unreadable = unreadable || st.Broken || st.Readings.At(i) == Unreadable
		switch {
		case st.Source == SourceADPC && st.Readings.At(i) == Refused:
			adpc = true
		case st.Readings.At(i) == Refused:
			refused = true
		case st.Readings.At(i) == Granted && !st.Broken && (!st.Browser || o.u.Speaks != SpeaksForContact):
			if st.Source == SourceADPC && o.ignoresADPC(i) {
				continue
			}
			granted = granted || st.Source != SourceGPP && st.Source != SourceUSPrivacy
		}
	}
	return adpc, granted, refused, unreadable
}

// ignoresADPC says whether every place ignores ADPC for the purpose: then it
// grants nothing either.
func (o placed) ignoresADPC(i int) bool {
	c := newCase(o.p, o.s, o.u)
	rule := c.ground.rule(o.p, i)
	return rule.ignore&browserADPC != 0
}

func (o placed) ledger(p *Purpose, asks []func(*Held) bool, guardian bool) (h holdersOf) {
	counts := func(r *Record) bool {
		if r == nil {
			return false
		}
		held := &r.Purposes[p.Bit]
		ok := held.Choice == ChoiceGiven && held.Version == p.Version && (held.Until == 0 || held.Until > o.u.Today) && held.Guardian == guardian
		if held.Guardian {
			ok = ok && (r.Minority.Ward > o.u.Today || p.Guardian && r.Minority.Minor > o.u.Today)
		}
		for _, ask := range asks {
			ok = ok && ask(held)
		}
		return ok
	}
	h.contact = counts(o.u.Contact)
	h.visitor = counts(o.u.Visitor) && (!o.u.Server || o.u.Contact == nil)
	return h
}
