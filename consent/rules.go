package consent

import "zgoda/event"

// verdictCase is what the rules look at: one policy, one request, everyone in it.
type verdictCase struct {
	policy     *Policy
	signals    *Signals
	subject    *Subject
	records    [3]*Record
	present    browser // GPC and DNT
	adpc       bool    // some statement is ADPC's
	unreadable bool
	minor      bool // somebody in it is a minor, or taken for one
	ward       bool // and needs a guardian
	optOut     bool // somebody in it has an opt-out on record
	ground     ground
	rules      [event.MaxPurposes]merged // of the purposes decided so far
}

// unread stands for signals that nobody read.
var unread = Signals{Count: -1}

func newCase(policy *Policy, signals *Signals, subject *Subject) verdictCase {
	if signals == nil {
		signals = &unread
	}
	c := verdictCase{
		policy:     policy,
		signals:    signals,
		subject:    subject,
		records:    [3]*Record{subject.Visitor, subject.Contact, subject.Second},
		present:    signals.browser(),
		adpc:       signals.has(SourceADPC),
		unreadable: signals.unreadable(len(policy.Purposes)),
		ground:     policy.ground(policy.places(subject)),
	}
	c.ward = subject.Class.Has(ClassChild)
	c.minor = c.ward
	for _, r := range c.records {
		if r != nil {
			c.minor = c.minor || r.Minority.minor(subject.Today)
			c.ward = c.ward || r.Minority.ward(subject.Today)
			c.optOut = c.optOut || r.OptOut
		}
	}
	return c
}

// used returns the statements in use, whatever Count says.
func (s *Signals) used() []Statement {
	return s.Statements[:max(0, min(s.Count, MaxStatements))]
}

// unreadable says whether any signal is there but cannot be read, as a whole or
// about one of so many purposes.
func (s *Signals) unreadable(purposes int) bool {
	if s.Count < 0 || s.Count > MaxStatements {
		return true
	}
	used := s.used()
	for i := range used {
		if used[i].Broken {
			return true
		}
		for _, r := range used[i].Readings[:min(purposes, MaxStatementPurposes)] {
			if r >= Unreadable {
				return true
			}
		}
	}
	return false
}

// verdict applies the rules, in order, to a purpose. Where jurisdictions differ
// in what it rests on, all of that must hold, for the same holder.
func (c *verdictCase) verdict(i int, d *Decision) Verdict {
	p := &c.policy.Purposes[i]
	rule := &c.rules[i]
	if by, denied := c.denied(i, rule); denied {
		return Verdict{By: by}
	}
	v := c.restsOnAll(i, rule, d)
	if v.Outcome != Allow {
		return v
	}
	if c.subject.Class.Has(ClassSpecial) {
		// Whatever it rests on: Art. 9(2)(a) asks for an explicit grant beside it.
		return c.explicit(p, c.against(i)&rule.ask, v)
	}
	return v
}

// restsOnAll says whether the purpose is allowed on every basis that it has.
func (c *verdictCase) restsOnAll(i int, rule *merged, d *Decision) Verdict {
	switch rule.bases { // mostly there is one
	case 1 << BasisConsent:
		return c.granted(i, rule)
	case 1 << BasisLegitimateInterest:
		return c.rests(BasisLegitimateInterest, i, rule, d)
	default:
	}
	v := Verdict{all: ^holders(0)}
	// What a person said tells more than a basis, so it is named last.
	for _, basis := range [...]Basis{BasisLegitimateInterest, BasisRelated, BasisConsent} {
		if !rule.bases.has(basis) {
			continue
		}
		one := c.rests(basis, i, rule, d)
		if one.Outcome != Allow {
			return one
		}
		v = allow(one.By, v.all&one.all)
	}
	if v.all == 0 {
		return Verdict{}
	}
	return v
}

// explicit narrows a verdict to those who have an explicit grant on record.
func (c *verdictCase) explicit(p *Purpose, asks browser, v Verdict) Verdict {
	all := v.all & c.ledgerGrants(p, asks)
	if all == 0 {
		return Verdict{By: SourceSpecial}
	}
	return allow(SourceLedger, all)
}

// rests says whether the purpose is allowed on the basis, once nothing stands
// against it.
func (c *verdictCase) rests(basis Basis, i int, rule *merged, d *Decision) Verdict {
	p := &c.policy.Purposes[i]
	switch basis {
	case BasisConsent:
		return c.granted(i, rule)
	case BasisLegitimateInterest:
		// Never for these kinds, whatever a policy says.
		if p.Kind != KindMeasurement && p.Kind != KindAnalytics {
			return Verdict{}
		}
		return allow(SourceBasis, c.everyone())
	case BasisRelated:
		return c.related(p, d)
	default:
		return Verdict{}
	}
}

// denied applies what stands against the purpose, the most telling first.
func (c *verdictCase) denied(i int, rule *merged) (Source, bool) {
	p := &c.policy.Purposes[i]
	if p.Kind == KindUnknown || p.Kind > KindSharing || p.Bit >= event.MaxPurposes {
		return SourceDefault, true
	}
	if c.subject.Class.criminal() {
		return SourceCriminal, true
	}
	if by, denied := c.deniedByRecord(p); denied {
		return by, true
	}
	if by, denied := c.deniedByBrowser(i, rule); denied {
		return by, true
	}
	if by, denied := c.signals.refusedByStatement(i); denied {
		return by, true
	}
	if c.optOut && optsOut(p) {
		return SourceOptOut, true
	}
	if by, denied := c.deniedByClass(p); denied {
		return by, true
	}
	if c.unreadable && p.Kind != KindMeasurement {
		return SourceUnreadable, true
	}
	if c.subject.NoOrigin && p.Kind != KindMeasurement {
		return SourceNoOrigin, true
	}
	return SourceDefault, !rule.bases.hold() || rule.device
}

// optsOut says whether an opt-out that Global Privacy Control left on record
// reaches the purpose.
func optsOut(p *Purpose) bool {
	return p.US&(USSale|USSharing|USTargeted) != 0 || p.Kind.Scope() == event.ScopePerson
}

// deniedByClass applies what stands against special data and minors whoever
// agreed.
func (c *verdictCase) deniedByClass(p *Purpose) (Source, bool) {
	switch {
	case c.minor && p.Kind == KindProfiling:
		return SourceMinor, true
	case c.subject.Class.Has(ClassSpecial) && !p.Special:
		return SourceSpecial, true
	default:
		return SourceDefault, false
	}
}

// deniedByRecord asks every record in play; the most restrictive wins.
func (c *verdictCase) deniedByRecord(p *Purpose) (Source, bool) {
	found := SourceDefault
	for _, r := range c.records {
		if r == nil {
			continue
		}
		if by := r.against(p); recordRank(by) > recordRank(found) {
			found = by
		}
	}
	return found, found != SourceDefault
}

// against returns what of the record stands against the purpose, or SourceDefault.
func (r *Record) against(p *Purpose) Source {
	switch {
	case r.State == StateErased:
		return SourceErased
	case r.State != StateActive:
		return SourceRestricted
	case r.ProfilingOff && p.Kind == KindProfiling:
		return SourceSwitch
	case r.Purposes[p.Bit].Choice.Refuses():
		return SourceLedger
	default:
		return SourceDefault
	}
}

func recordRank(s Source) int {
	switch s {
	case SourceErased:
		return 4
	case SourceRestricted:
		return 3
	case SourceSwitch:
		return 2
	case SourceLedger:
		return 1
	default:
		return 0
	}
}

// deniedByBrowser applies GPC, DNT and ADPC as far as the site lets them reach the
// purpose. Signals that ask are beaten only by one grant on record, given in our
// dialogue while they were present.
func (c *verdictCase) deniedByBrowser(i int, rule *merged) (Source, bool) {
	present := c.against(i)
	if present == 0 {
		return SourceDefault, false
	}
	p := &c.policy.Purposes[i]
	for _, s := range browsers {
		if present&s.bit != 0 && (rule.refuse&s.bit != 0 || rule.ask&s.bit != 0 && c.ledgerGrants(p, s.bit) == 0) {
			return s.source, true
		}
	}
	asks := present & rule.ask
	if asks == 0 || c.ledgerGrants(p, asks) != 0 {
		return SourceDefault, false
	}
	for _, s := range browsers { // each is beaten, but by nobody's one grant
		if asks&s.bit != 0 {
			return s.source, true
		}
	}
	return SourceDefault, false
}

// against returns the browser's signals that stand against a purpose.
func (c *verdictCase) against(i int) browser {
	if c.adpc && c.signals.adpcRefuses(i) {
		return c.present | browserADPC
	}
	return c.present
}

// refusedByStatement returns the source of the refusal that the request itself
// makes of the purpose; of several, the one first in the list of sources, so
// that their order does not matter. ADPC is a browser's signal, which the site's
// table limits, and is not among them.
func (s *Signals) refusedByStatement(i int) (by Source, ok bool) {
	used := s.used()
	for j := range used {
		st := &used[j]
		if st.Readings[i] == Refused && st.Source != SourceADPC && (!ok || st.Source < by) {
			by, ok = st.Source, true
		}
	}
	return by, ok
}

// granting says which statements may grant.
type granting struct {
	browser bool // what a browser's cookies carry
	choice  bool // of them, our own, which a grant on record stands behind
	adpc    bool
}

// grantedByStatement does the same for grants, of tools that may grant and can
// be read. A cookie is a browser's: without cookies it does not count. ADPC does
// not count where the site ignores it, since it would be ignored in part only.
func (s *Signals) grantedByStatement(i int, of granting) (by Source, ok bool) {
	used := s.used()
	for j := range used {
		st := &used[j]
		if st.Readings[i] != Granted || st.Broken || !st.Source.Grants() || (st.Browser && !of.browser) ||
			(st.Source == SourceCookie && (!of.browser || !of.choice)) || (st.Source == SourceADPC && !of.adpc) {
			continue
		}
		if !ok || st.Source < by {
			by, ok = st.Source, true
		}
	}
	return by, ok
}

// ledgerGrants returns who holds a grant on record that counts here: given for
// the version in force, not ended and, where asked for, in our dialogue while the
// browser's signals were present. A server's event about a contact never counts
// the visitor's.
func (c *verdictCase) ledgerGrants(p *Purpose, asks browser) holders {
	var all holders
	if c.grants(c.subject.Contact, p, asks) {
		all |= HolderContact.set()
	}
	if c.visitorCounts() && c.grants(c.subject.Visitor, p, asks) {
		all |= HolderVisitor.set()
	}
	return all
}

// grants says whether a record has a grant that counts here.
func (c *verdictCase) grants(r *Record, p *Purpose, asks browser) bool {
	if r == nil {
		return false
	}
	h := &r.Purposes[p.Bit]
	if h.Choice != ChoiceGiven || h.Version != p.Version || h.Until.passed(c.subject.Today) {
		return false
	}
	if h.Guardian != c.needsGuardian(p) || h.Guardian && !r.wardOf(p, c.subject.Today) {
		return false
	}
	return asks == 0 || h.Dialogue && h.signals()&asks == asks
}

// signals returns which of the browser's signals were present at the choice.
func (h *Held) signals() browser {
	var present browser
	if h.GPC {
		present |= browserGPC
	}
	if h.DNT {
		present |= browserDNT
	}
	if h.ADPC {
		present |= browserADPC
	}
	return present
}

// needsGuardian says whether only a guardian's grant counts.
func (c *verdictCase) needsGuardian(p *Purpose) bool { return c.ward || c.minor && p.Guardian }

// wardOf says whether a guardian's grant can count for the data subject today: who
// is not known to be a minor has none, and whoever comes of age has none any more.
func (r *Record) wardOf(p *Purpose, today Day) bool {
	return today != 0 && (r.Minority.ward(today) || p.Guardian && r.Minority.minor(today))
}

// visitorCounts says whether the visitor's own grants can carry this event.
func (c *verdictCase) visitorCounts() bool {
	return c.subject.Visitor != nil && (!c.subject.Server || c.subject.Contact == nil)
}

// granted looks for the explicit grant that a purpose on consent needs, once
// nothing stands against it.
func (c *verdictCase) granted(i int, rule *merged) Verdict {
	p := &c.policy.Purposes[i]
	asks := c.against(i) & rule.ask
	ledger := c.ledgerGrants(p, asks)
	var request holders
	by := SourceDefault
	// Nothing in a request beats a signal that asks, or is a grant of special data
	// or of a guardian.
	if asks == 0 && !c.subject.Class.Has(ClassSpecial) && !c.needsGuardian(p) {
		by, request = c.requestGrants(i, rule)
	}
	all := ledger | request
	switch {
	case all == 0 && c.needsGuardian(p):
		return Verdict{By: SourceMinor}
	case all == 0 && c.subject.Class.Has(ClassSpecial):
		return Verdict{By: SourceSpecial}
	case all == 0:
		return Verdict{}
	case ledger.has(all.first()):
		return allow(SourceLedger, all)
	default:
		return allow(by, all)
	}
}

// requestGrants returns for whom the request's own statements grant the purpose.
func (c *verdictCase) requestGrants(i int, rule *merged) (Source, holders) {
	of := granting{browser: c.subject.Speaks == SpeaksForVisitor, choice: !c.ended(c.subject.Visitor, i), adpc: rule.ignore&browserADPC == 0}
	switch {
	case c.subject.Speaks == SpeaksForVisitor && c.visitorCounts():
		if by, ok := c.signals.grantedByStatement(i, of); ok {
			return by, HolderVisitor.set()
		}
	case c.subject.Speaks == SpeaksForContact && c.subject.Contact != nil:
		if by, ok := c.signals.grantedByStatement(i, of); ok {
			return by, HolderContact.set()
		}
	}
	return SourceDefault, 0
}

// ended says whether a record has a grant of the purpose that has ended: the choice
// in our cookie was made with it and ends with it.
func (c *verdictCase) ended(r *Record, i int) bool {
	if r == nil {
		return false
	}
	h := &r.Purposes[c.policy.Purposes[i].Bit]
	return h.Choice == ChoiceGiven && h.Until.passed(c.subject.Today)
}

// everyone returns all under whose pseudonym an event may be stored that needs
// no grant.
func (c *verdictCase) everyone() holders {
	all := HolderNobody.set()
	if c.subject.Contact != nil {
		all |= HolderContact.set()
	}
	if c.visitorCounts() {
		all |= HolderVisitor.set()
	}
	return all
}

// related allows a purpose that is compatible with another (Art. 6(4)) when
// nothing stands against either, and never with more identity than the other
// needs: a consent is not stretched. Profiling, marketing and sharing can lean
// on a consent only.
func (c *verdictCase) related(p *Purpose, d *Decision) Verdict {
	j := c.policy.Find(p.Related)
	if !p.Compatible || j < 0 || j >= len(d.verdicts) {
		return Verdict{}
	}
	other := &c.policy.Purposes[j]
	on := c.rules[j].bases
	if !on.hold() || on.has(BasisRelated) || p.Kind.Scope() > other.Kind.Scope() {
		return Verdict{}
	}
	base := d.verdicts[j]
	if base.Outcome != Allow {
		return Verdict{By: base.By}
	}
	if p.Kind.Scope() == event.ScopePerson && !on.has(BasisConsent) {
		return Verdict{}
	}
	return allow(SourceBasis, base.all)
}

func allow(by Source, all holders) Verdict {
	return Verdict{Outcome: Allow, By: by, Holder: all.first(), all: all}
}
