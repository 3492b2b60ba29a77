package consent

import (
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
)

func drawReach(t *rapid.T) Reach { return Reach(rapid.IntRange(0, 3).Draw(t, "reach")) }

func drawPlace(t *rapid.T) Jurisdiction {
	return rapid.SampledFrom([]Jurisdiction{JurisdictionUnknown, JurisdictionEU, JurisdictionUS, JurisdictionOther, firstState, firstState + 3, 200}).Draw(t, "place")
}

func drawPolicy(t *rapid.T) *Policy {
	p := testPolicy()
	p.Establishment = drawPlace(t)
	for i := range p.Purposes {
		q := &p.Purposes[i]
		q.GPC, q.DNT, q.ADPC = drawReach(t), drawReach(t), drawReach(t)
		q.Special, q.Guardian = rapid.Bool().Draw(t, "special"), rapid.Bool().Draw(t, "guardian")
		q.Terminal = rapid.IntRange(0, 4).Draw(t, "terminal") == 0
		q.US = USOptOuts(rapid.IntRange(0, 15).Draw(t, "us"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "tables") {
		table := Table{Jurisdiction: drawPlace(t)}
		for i := range p.Purposes {
			r := p.Purposes[i].Rule()
			r.GPC, r.ADPC = drawReach(t), drawReach(t)
			if rapid.Bool().Draw(t, "another basis") {
				r.Basis = Basis(rapid.IntRange(0, 4).Draw(t, "basis"))
			}
			table.Rules = append(table.Rules, r)
		}
		p.Tables = append(p.Tables, table)
	}
	return p
}

var tools = []Source{
	SourceRequest, SourceCookie, SourceSegment, SourceADPC, SourceTCF, SourceGPP, SourceUSPrivacy, SourceGoogle, SourceRudderStack, SourceDefault,
}

func drawSignals(t *rapid.T) *Signals {
	s := &Signals{GPC: Presence(rapid.IntRange(0, 1).Draw(t, "gpc")), DNT: Presence(rapid.IntRange(0, 1).Draw(t, "dnt"))}
	for range rapid.IntRange(0, 6).Draw(t, "statements") {
		st := s.Add(rapid.SampledFrom(tools).Draw(t, "source"))
		st.Broken = rapid.IntRange(0, 19).Draw(t, "broken") == 0
		st.Browser = rapid.Bool().Draw(t, "browser")
		for i := range len(testPolicy().Purposes) {
			st.Readings.Set(i, rapid.SampledFrom([]Reading{Unset, Unset, Granted, Granted, Granted, Granted, Granted, Refused, Unreadable}).Draw(t, "reading"))
		}
	}
	return s
}

func drawRecord(t *rapid.T, name string) *Record {
	if rapid.Bool().Draw(t, name) {
		return nil
	}
	r := &Record{
		Sequence: event.Sequence(rapid.Uint64Max(100).Draw(t, "sequence")),
		State:    rapid.SampledFrom([]State{StateActive, StateActive, StateActive, StateActive, StateRestricted, StateErased}).Draw(t, "state"),
		Place:    drawPlace(t),
	}
	r.ProfilingOff = rapid.IntRange(0, 4).Draw(t, "off") == 0
	r.OptOut = rapid.IntRange(0, 4).Draw(t, "opt out") == 0
	for _, p := range testPolicy().Purposes {
		r.Purposes[p.Bit] = Held{
			Choice:   rapid.SampledFrom([]Choice{ChoiceUnset, ChoiceGiven, ChoiceGiven, ChoiceGiven, ChoiceRefused, ChoiceWithdrawn, ChoiceObjected}).Draw(t, "choice"),
			Version:  uint32(rapid.IntRange(version-1, version).Draw(t, "version")),
			Dialogue: rapid.Bool().Draw(t, "dialogue"), GPC: rapid.Bool().Draw(t, "held gpc"), DNT: rapid.Bool().Draw(t, "held dnt"), ADPC: rapid.Bool().Draw(t, "held adpc"),
			Until: rapid.SampledFrom([]Day{0, 0, today - 1, today, today + 1, today + 2}).Draw(t, "until"),
		}
	}
	return r
}

func drawSubject(t *rapid.T) Subject {
	s := Subject{
		Visitor: drawRecord(t, "visitor"), Contact: drawRecord(t, "contact"), Second: drawRecord(t, "second"),
		Speaks: Speaker(rapid.IntRange(0, 2).Draw(t, "speaks")),
		Server: rapid.Bool().Draw(t, "server"), NoOrigin: rapid.IntRange(0, 4).Draw(t, "no origin") == 0,
		Address: drawPlace(t), Today: rapid.SampledFrom([]Day{0, today, today + 1}).Draw(t, "today"),
		Class: rapid.SampledFrom([]Class{0, 0, 0, ClassSpecial, ClassCriminal, ClassChild, ClassSpecial | ClassChild, 8}).Draw(t, "class"),
	}
	age(t, &s)
	return s
}

// age makes everybody of a request a minor of one age, or nobody.
func age(t *rapid.T, s *Subject) {
	m := rapid.SampledFrom([]Minority{{}, {}, {Minor: today + 9, Ward: today + 1}, {Minor: today + 9, Ward: today - 1}, {Minor: today + 1}, {Minor: today - 1, Ward: today - 9}}).Draw(t, "minority")
	for _, r := range []*Record{s.Visitor, s.Contact, s.Second} {
		if r == nil {
			continue
		}
		r.Minority = m
		for _, p := range testPolicy().Purposes {
			r.Purposes[p.Bit].Guardian = rapid.IntRange(0, 2).Draw(t, "by guardian") == 0
		}
	}
}

// assertNoMore fails if after allows what before did not.
func assertNoMore(t *rapid.T, before, after Decision) {
	t.Helper()
	for i := range before.Policy().Purposes {
		was, is := before.Verdict(i), after.Verdict(i)
		if is.Outcome == Allow && (was.Outcome == Deny || is.all&^was.all != 0) {
			t.Fatalf("purpose %d: what must not allow more allowed it by %v for %b, before by %v for %b", i, is.By, is.all, was.By, was.all)
		}
	}
}

func copyRecord(r *Record) *Record {
	if r == nil {
		return nil
	}
	c := *r
	return &c
}

func TestRefusalNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		before := Decide(p, signals, subject)
		more := *signals
		i := rapid.IntRange(0, len(p.Purposes)-1).Draw(t, "purpose")
		subject.Visitor, subject.Contact, subject.Second = copyRecord(subject.Visitor), copyRecord(subject.Contact), copyRecord(subject.Second)
		target := rapid.SampledFrom([]*Record{subject.Visitor, subject.Contact, subject.Second}).Draw(t, "target")
		if target == nil {
			target = &Record{} // refuses nobody
		}
		switch rapid.IntRange(0, 9).Draw(t, "refusal") {
		case 0:
			more.Add(rapid.SampledFrom(tools).Draw(t, "tool")).Say(i, Refused)
		case 1:
			more.GPC = Present
		case 2:
			more.DNT = Present
		case 3:
			target.ProfilingOff = true
		case 4:
			target.State = StateRestricted
		case 5:
			target.Purposes[p.Purposes[i].Bit].Choice = ChoiceObjected
		case 6:
			subject.NoOrigin = true
		case 7:
			target.OptOut = true
		case 8:
			target.Purposes[p.Purposes[i].Bit].Until = 1
		case 9:
			target.Purposes[p.Purposes[i].Bit].Version = version + 1
		}
		assertNoMore(t, before, Decide(p, &more, subject))
	})
}

func TestUnreadableNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		before := Decide(p, signals, subject)
		more := *signals
		if rapid.Bool().Draw(t, "whole") {
			more.Add(SourceRequest).Broken = true
		} else {
			more.Add(SourceRequest).Say(rapid.IntRange(0, 6).Draw(t, "purpose"), Unreadable)
		}
		after := Decide(p, &more, subject)
		assertNoMore(t, before, after)
		for i := range p.Purposes {
			if p.Purposes[i].Kind != KindMeasurement && after.Verdict(i).Outcome == Allow {
				t.Fatalf("purpose %d is allowed beside an unreadable signal", i)
			}
		}
		if permit, ok := after.Permit(testIdentities()); ok && permit.Scope() != event.ScopeNone {
			t.Fatalf("scope %v beside an unreadable signal", permit.Scope())
		}
	})
}

func TestOrderOfStatementsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		turned := *signals
		for i := range signals.Count {
			turned.Statements[i] = signals.Statements[signals.Count-1-i]
		}
		if i := rapid.IntRange(0, MaxStatements).Draw(t, "cut"); i > 0 && i < signals.Count {
			copy(turned.Statements[:], signals.Statements[i:signals.Count]) // turned round
			copy(turned.Statements[signals.Count-i:], signals.Statements[:i])
		}
		if Decide(p, signals, subject) != Decide(p, &turned, subject) {
			t.Fatal("the order of statements changed the decision")
		}
	})
}

// One more place whose rules must hold allows nothing that was denied without it.
func TestJurisdictionNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		subject.Second = nil
		before := Decide(p, signals, subject)
		subject.Second = &Record{Sequence: 1000, Place: drawPlace(t)}
		assertNoMore(t, before, Decide(p, signals, subject))
		if subject.Visitor == nil {
			return
		}
		subject.Second = nil
		subject.Visitor.Linked = Places(0).With(drawPlace(t))
		assertNoMore(t, before, Decide(p, signals, subject))
	})
}

// The unknown place is the strictest of all that there are.
func TestUnknownPlaceIsTheStrictest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		known := Decide(p, signals, subject)
		subject.Address = JurisdictionUnknown
		assertNoMore(t, known, Decide(p, signals, subject))
	})
}

func TestClassNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		before := Decide(p, signals, subject)
		subject.Class |= Class(rapid.IntRange(1, 255).Draw(t, "more"))
		after := Decide(p, signals, subject)
		assertNoMore(t, before, after)
		if permit, ok := after.Permit(testIdentities()); ok && (subject.Class.criminal() || subject.Class.Has(ClassChild) && permit.Scope() == event.ScopePerson) {
			t.Fatalf("a permit for class %v", subject.Class.Names())
		}
	})
}

// Time alone allows nothing: grants end, and none begins. Of who comes of age,
// what was given before ends with it, as Purpose.Until has it; what a browser says
// later is no grant of before.
func TestAgeingNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		subject.Today = today
		given := today - Day(rapid.IntRange(0, 20).Draw(t, "given"))
		for i := range p.Purposes {
			p.Purposes[i].Renew = Retention{Days: rapid.IntRange(0, 40).Draw(t, "renew")}
		}
		minor := false
		for _, r := range []*Record{subject.Visitor, subject.Contact, subject.Second} {
			if r == nil {
				continue
			}
			minor = minor || r.Minority != Minority{}
			for i := range p.Purposes {
				h := &r.Purposes[p.Purposes[i].Bit]
				h.Until = p.Purposes[i].Until(given, h.Until, r.Minority)
			}
		}
		if minor || subject.Class.Has(ClassChild) {
			signals = &Signals{GPC: signals.GPC, DNT: signals.DNT}
		}
		before := Decide(p, signals, subject)
		later := subject
		later.Today += Day(rapid.IntRange(1, 30).Draw(t, "days"))
		assertNoMore(t, before, Decide(p, signals, later))
		later.Today = 0 // unknown
		assertNoMore(t, before, Decide(p, signals, later))
	})
}

// Nobody's record allows more than the one of who agreed to everything.
func TestAgreedAllowsMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		if subject.Today == 0 {
			subject.Today = today
		}
		d := Decide(p, signals, subject)
		agreed := Agreed(p, subject.Class)
		if subject.Visitor != nil {
			subject.Visitor = &agreed
		}
		if subject.Contact != nil {
			subject.Contact = &agreed
		}
		subject.Second = nil
		best := Decide(p, signals, subject)
		for i := range p.Purposes {
			if d.Verdict(i).Outcome == Allow && best.Verdict(i).Outcome == Deny {
				t.Fatalf("purpose %d is allowed by %v, yet denied to who agreed by %v", i, d.Verdict(i).By, best.Verdict(i).By)
			}
		}
	})
}

// What a stranger is told is the same whoever the request is about.
func TestPublicHeaderKnowsNoRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals := drawPolicy(t), drawSignals(t)
		first, second := drawSubject(t), drawSubject(t)
		second.Class = first.Class // which the request itself tells
		one, two := Decide(p, signals, first), Decide(p, signals, second)
		a, b := string(one.AppendHeader(nil, true, signals)), string(two.AppendHeader(nil, true, signals))
		if a != b {
			t.Fatalf("a stranger can tell %q from %q", a, b)
		}
	})
}

// What the public header claims is never softer than the decision.
func TestPublicHeaderDenialIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals := drawPolicy(t), drawSignals(t)
		subject := drawSubject(t)
		d := Decide(p, signals, subject)
		view := signals.alone(p, subject.Class)
		for i := range p.Purposes {
			v, said := view.of(i)
			if said && v.Outcome == Deny && d.Verdict(i).Outcome == Allow {
				t.Fatalf("purpose %d: told denied by %v, yet allowed", i, v.By)
			}
		}
	})
}

// A permit never carries more identity than some allowed purpose needs, nor a
// bit of a purpose that is denied.
func TestPermitFollowsDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		d := Decide(p, drawSignals(t), drawSubject(t))
		permit, ok := d.Permit(testIdentities())
		if !ok {
			if permit.Minted() {
				t.Fatal("a refused permit is minted")
			}
			return
		}
		needed := false
		for i := range p.Purposes {
			allowed := d.Verdict(i).Outcome == Allow
			if permit.Purposes().Has(p.Purposes[i].Bit) && !allowed {
				t.Fatalf("purpose %d is stored but denied", i)
			}
			needed = needed || (allowed && p.Purposes[i].Kind.Scope() == permit.Scope())
		}
		if !needed || permit.Subject().IsZero() != (permit.Scope() == event.ScopeNone) ||
			(permit.Scope() != event.ScopePerson && !permit.Visitor().IsZero()) {
			t.Fatalf("scope %v does not follow the decision", permit.Scope())
		}
	})
}

func TestTraceAgreesWithDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		d, trace := Decide(p, signals, subject), Explain(p, signals, subject)
		for i := range p.Purposes {
			v, got := d.Verdict(i), trace.Purposes[i]
			if got.Outcome != v.Outcome.String() || got.By != v.By.String() || got.Why == "" || got.Rule == "" {
				t.Fatalf("purpose %d: %+v does not explain %+v", i, got, v)
			}
		}
	})
}
