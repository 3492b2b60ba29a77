package consent

import (
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
)

func drawPolicy(t *rapid.T) *Policy {
	p := testPolicy()
	for i := range p.Purposes {
		p.Purposes[i].GPC = Reach(rapid.IntRange(0, 3).Draw(t, "gpc reach"))
		p.Purposes[i].DNT = Reach(rapid.IntRange(0, 3).Draw(t, "dnt reach"))
	}
	return p
}

func drawSignals(t *rapid.T) *Signals {
	s := &Signals{GPC: Presence(rapid.IntRange(0, 1).Draw(t, "gpc")), DNT: Presence(rapid.IntRange(0, 1).Draw(t, "dnt"))}
	for range rapid.IntRange(0, 3).Draw(t, "statements") {
		st := s.Add(rapid.SampledFrom([]Source{SourceRequest, SourceCookie, SourceSegment, SourceDefault}).Draw(t, "source"))
		st.Broken = rapid.IntRange(0, 9).Draw(t, "broken") == 0
		for i := range len(testPolicy().Purposes) {
			st.Readings[i] = rapid.SampledFrom([]Reading{Unset, Granted, Granted, Refused, Unreadable}).Draw(t, "reading")
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
		State:    rapid.SampledFrom([]State{StateActive, StateActive, StateActive, StateRestricted, StateErased}).Draw(t, "state"),
	}
	r.ProfilingOff = rapid.IntRange(0, 4).Draw(t, "off") == 0
	for i := range r.Purposes {
		r.Purposes[i] = Held{
			Choice:   rapid.SampledFrom([]Choice{ChoiceUnset, ChoiceGiven, ChoiceGiven, ChoiceRefused, ChoiceWithdrawn, ChoiceObjected}).Draw(t, "choice"),
			Version:  uint32(rapid.IntRange(version-1, version).Draw(t, "version")),
			Dialogue: rapid.Bool().Draw(t, "dialogue"), GPC: rapid.Bool().Draw(t, "held gpc"), DNT: rapid.Bool().Draw(t, "held dnt"),
		}
	}
	return r
}

func drawSubject(t *rapid.T) Subject {
	return Subject{
		Visitor: drawRecord(t, "visitor"), Contact: drawRecord(t, "contact"), Second: drawRecord(t, "second"),
		Speaks: Speaker(rapid.IntRange(0, 2).Draw(t, "speaks")),
		Server: rapid.Bool().Draw(t, "server"), NoOrigin: rapid.IntRange(0, 4).Draw(t, "no origin") == 0,
	}
}

// assertNoMore fails if after allows what before did not.
func assertNoMore(t *rapid.T, before, after Decision) {
	t.Helper()
	for i := range before.Policy().Purposes {
		if before.Verdict(i).Outcome == Deny && after.Verdict(i).Outcome == Allow {
			t.Fatalf("purpose %d: a refusal allowed it by %v", i, after.Verdict(i).By)
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
		switch rapid.IntRange(0, 6).Draw(t, "refusal") {
		case 0:
			more.Add(SourceSegment).Say(i, Refused)
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
		if Decide(p, signals, subject) != Decide(p, &turned, subject) {
			t.Fatal("the order of statements changed the decision")
		}
	})
}

// What a stranger is told is the same whoever the request is about.
func TestPublicHeaderKnowsNoRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals := drawPolicy(t), drawSignals(t)
		one, two := Decide(p, signals, drawSubject(t)), Decide(p, signals, drawSubject(t))
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
