package consent

import (
	"testing"

	"zgoda/event"
)

const today Day = 20000

// placedPolicies are policies of several establishments, with and without tables.
func placedPolicies() []*Policy {
	base := testPolicy()
	add := func(p Purpose, gpc, dnt, adpc Reach) {
		p.Bit, p.Version, p.GPC, p.DNT, p.ADPC = uint8(len(base.Purposes)-7), version, gpc, dnt, adpc
		base.Purposes = append(base.Purposes, p)
	}
	add(Purpose{ID: "device", Kind: KindAnalytics, Basis: BasisLegitimateInterest, Terminal: true}, ReachIgnore, ReachIgnore, ReachIgnore)
	add(Purpose{ID: "exempt", Kind: KindMeasurement, Basis: BasisLegitimateInterest, Terminal: true, Exemption: "x"}, ReachIgnore, ReachIgnore, ReachIgnore)
	add(Purpose{ID: "free", Kind: KindAnalytics, Basis: BasisLegitimateInterest}, ReachIgnore, ReachIgnore, ReachIgnore)
	add(Purpose{ID: "health", Kind: KindAnalytics, Basis: BasisConsent, Special: true, Guardian: true}, ReachAsk, ReachIgnore, ReachAsk)
	add(Purpose{ID: "sold", Kind: KindAnalytics, Basis: BasisConsent, US: USSale}, ReachIgnore, ReachAsk, ReachIgnore)
	ruled := func(change func(i int, r *Rule)) (rules []Rule) {
		for i := range base.Purposes {
			r := base.Purposes[i].Rule()
			change(i, &r)
			rules = append(rules, r)
		}
		return rules
	}
	looser := ruled(func(i int, r *Rule) {
		r.GPC, r.DNT, r.ADPC = ReachIgnore, ReachIgnore, ReachAsk
		if base.Purposes[i].Kind == KindAnalytics && r.Basis == BasisConsent {
			r.Basis = BasisLegitimateInterest
		}
	})
	stricter := ruled(func(_ int, r *Rule) { r.GPC, r.Basis = ReachAsk, BasisConsent })
	california, _ := ParseJurisdiction("us-ca")
	sets := [][]Table{
		nil,
		{{JurisdictionUS, looser}},
		{{california, stricter}, {JurisdictionUS, looser}},
		{{JurisdictionEU, stricter}, {california, looser}},
		{{JurisdictionOther, looser}},
	}
	var all []*Policy
	for _, tables := range sets {
		for _, at := range []Jurisdiction{JurisdictionEU, JurisdictionUS, JurisdictionUnknown} {
			p := *base
			p.Tables, p.Establishment = tables, at
			all = append(all, &p)
		}
	}
	return all
}

func placedSignals(p *Policy) []*Signals {
	with := func(s *Signals, gpc, dnt Presence) *Signals { s.GPC, s.DNT = gpc, dnt; return s }
	two := stating(p, SourceTCF, Granted)
	*two.Add(SourceADPC) = stating(p, SourceADPC, Refused).Statements[0]
	browser := stating(p, SourceTCF, Granted)
	browser.Statements[0].Browser = true
	broken := stating(p, SourceGPP, Unset)
	broken.Statements[0].Broken = true
	return []*Signals{
		{},
		{GPC: Present},
		{DNT: Present},
		{GPC: Present, DNT: Present},
		browser, broken, two,
		with(stating(p, SourceGoogle, Granted), Present, Absent), stating(p, SourceADPC, Granted), stating(p, SourceADPC, Refused),
		stating(p, SourceGPP, Refused), stating(p, SourceUSPrivacy, Granted), stating(p, SourceRudderStack, Granted),
		with(stating(p, SourceADPC, Refused), Present, Present),
	}
}

func asked(gpc, dnt, adpc bool) Held {
	return Held{Choice: ChoiceGiven, Version: version, Dialogue: true, GPC: gpc, DNT: dnt, ADPC: adpc}
}

// tally counts what an exhaustive test ran.
type tally struct{ decisions, verdicts, allowed int }

func (n *tally) check(t *testing.T, p *Policy, sig *Signals, s *Subject) {
	t.Helper()
	n.decisions++
	if n.decisions%step != 0 {
		return
	}
	d, o := Decide(p, sig, *s), placed{p, sig, s}
	for i := range p.Purposes {
		n.verdicts++
		want := o.outcome(i)
		if want == Allow {
			n.allowed++
		}
		if got := d.Verdict(i); got.Outcome != want {
			t.Fatalf("%s: got %v by %v, want %v; establishment %v, tables %v, subject %+v visitor %+v contact %+v signals %+v",
				p.Purposes[i].ID, got.Outcome, got.By, want, p.Establishment, len(p.Tables), s, brief(s.Visitor), brief(s.Contact), sig.used())
		}
	}
}

func brief(r *Record) any {
	if r == nil {
		return nil
	}
	return []any{r.State, r.Place, r.Linked, r.Minority, r.OptOut, r.Purposes[31]}
}

func (n *tally) enough(t *testing.T, least int) {
	t.Helper()
	if n.decisions < least || n.allowed == 0 || n.allowed == n.verdicts {
		t.Fatalf("%d decisions, %d verdicts, %d allowed", n.decisions, n.verdicts, n.allowed)
	}
	t.Logf("%d decisions, %d verdicts compared with the oracle, %d allowed", n.decisions/step, n.verdicts, n.allowed)
}

// speakers are who may send a request.
func speakers(visitor, contact *Record) []Subject {
	return []Subject{
		{Visitor: visitor, Speaks: SpeaksForVisitor, Today: today},
		{Visitor: visitor, Contact: contact, Speaks: SpeaksForVisitor, Today: today},
		{Visitor: visitor, Contact: contact, Speaks: SpeaksForContact, Server: true, Today: today},
		{Contact: contact, Speaks: SpeaksForContact, Server: true, Today: today},
		{Speaks: SpeaksForNobody, NoOrigin: true, Today: today},
	}
}

// Establishment x address x contact's country x tables x signals x what is on
// record x who speaks.
func TestExhaustivePlaces(t *testing.T) {
	var n tally
	california, _ := ParseJurisdiction("us-ca")
	texas, _ := ParseJurisdiction("us-tx")
	for _, p := range placedPolicies() {
		for _, held := range []Held{{}, given(), asked(true, true, true), asked(true, false, false), {Choice: ChoiceObjected}} {
			for _, place := range []Jurisdiction{JurisdictionUnknown, JurisdictionEU, california, JurisdictionOther} {
				contact, visitor := holding(p, held), holding(p, asked(false, true, true))
				contact.Place = place
				for _, s := range speakers(visitor, contact) {
					for _, sig := range placedSignals(p) {
						for _, address := range []Jurisdiction{JurisdictionUnknown, JurisdictionEU, JurisdictionUS, california, texas, JurisdictionOther} {
							s.Address = address
							n.check(t, p, sig, &s)
						}
					}
				}
			}
		}
	}
	n.enough(t, 100_000)
}

// A visitor who is logged out x the countries of the contacts linked to it x
// establishment x tables x address x signals.
func TestExhaustiveLinkedPlaces(t *testing.T) {
	var n tally
	california, _ := ParseJurisdiction("us-ca")
	for _, p := range placedPolicies() {
		for _, held := range []Held{{}, given(), asked(true, false, false)} {
			for _, linked := range []Places{0, Places(0).With(JurisdictionUnknown), Places(0).With(JurisdictionEU), Places(0).With(california), Places(0).With(JurisdictionEU).With(JurisdictionOther)} {
				visitor := holding(p, held)
				visitor.Linked = linked
				for _, sig := range placedSignals(p) {
					for _, address := range []Jurisdiction{JurisdictionUnknown, JurisdictionEU, california, JurisdictionOther} {
						n.check(t, p, sig, &Subject{Visitor: visitor, Speaks: SpeaksForVisitor, Address: address, Today: today})
					}
				}
			}
		}
	}
	n.enough(t, 5_000)
}

// Class of the event x age x opt-out on record x signals x what is on record x
// who speaks.
func TestExhaustiveClasses(t *testing.T) {
	var n tally
	ended, going := given(), given()
	ended.Until, going.Until = today, today+1
	guardian := asked(true, true, true)
	guardian.Guardian = true
	for _, p := range []*Policy{placedPolicies()[0], placedPolicies()[8]} {
		for _, held := range []Held{{}, given(), asked(true, true, true), ended, going, guardian} {
			for _, age := range []Minority{{}, {Minor: today + 9, Ward: today + 1}, {Minor: today + 9, Ward: today}, {Minor: today, Ward: today - 9}} {
				for _, optOut := range []bool{false, true} {
					contact, visitor := holding(p, held), holding(p, asked(true, true, true))
					contact.Minority, contact.OptOut, contact.Place = age, optOut, JurisdictionEU
					for _, s := range speakers(visitor, contact) {
						s.Address = JurisdictionEU
						for _, sig := range placedSignals(p) {
							for class := range 2*knownClasses + 2 {
								s.Class = class
								n.check(t, p, sig, &s)
							}
						}
					}
				}
			}
		}
	}
	n.enough(t, 50_000)
}

// A policy with more tables than there are jurisdictions has a fault, and allows
// nothing; so has a table without a rule for a purpose.
func TestFaultyTablesDeny(t *testing.T) {
	p := testPolicy()
	p.Establishment = JurisdictionEU
	s := Subject{Visitor: holding(p, given()), Speaks: SpeaksForVisitor, Address: JurisdictionEU}
	before := Decide(p, &Signals{}, s)
	if before.Verdict(analytics).Outcome != Allow {
		t.Fatal("nothing to lose")
	}
	for _, tables := range [][]Table{make([]Table, maxTables+1), {{Jurisdiction: JurisdictionEU}}} {
		p.Tables = tables
		d := Decide(p, &Signals{}, s)
		for i := range p.Purposes {
			if d.Verdict(i).Outcome != Deny {
				t.Errorf("%d tables allow purpose %d", len(tables), i)
			}
		}
	}
	p.Tables = []Table{{Jurisdiction: JurisdictionUS}}
	if d := Decide(p, &Signals{}, s); d != before {
		t.Error("a table of another place changed the decision")
	}
	if d := Decide(p, nil, Subject{}); d.Verdict(event.MaxPurposes).Outcome != Deny {
		t.Error("an index out of range allows")
	}
}
