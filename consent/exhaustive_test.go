package consent

import "testing"

// oracle says what the rules give for one identity of each sort, written apart
// from the code: allowed only if nothing at all stands against it, and there is
// a basis.
func oracle(p *Policy, i int, signals *Signals, s Subject) Outcome {
	q := p.Purposes[i]
	measuring := q.Kind == KindMeasurement
	for _, r := range []*Record{s.Visitor, s.Contact, s.Second} {
		if r == nil {
			continue
		}
		if r.State != StateActive {
			return Deny
		}
		if q.Basis == BasisContract {
			continue
		}
		held := r.Purposes[q.Bit].Choice
		if (r.ProfilingOff && q.Kind == KindProfiling) || (held != ChoiceUnset && held != ChoiceGiven) {
			return Deny
		}
	}
	if q.Basis == BasisContract { // whatever else is said
		return Allow
	}
	if (signals.GPC == Present && q.GPC == ReachRefuse) || (signals.DNT == Present && q.DNT == ReachRefuse) {
		return Deny
	}
	request := false
	for _, st := range signals.Statements[:signals.Count] {
		switch {
		case st.Readings.At(i) == Refused, !measuring && (st.Broken || st.Readings.At(i) == Unreadable):
			return Deny
		case st.Readings.At(i) == Granted && !st.Broken:
			request = st.Source != SourceGPP && st.Source != SourceUSPrivacy // those only refuse
		}
	}
	if s.NoOrigin && !measuring {
		return Deny
	}
	if q.Basis == BasisLegitimateInterest {
		return Allow
	}
	if q.Basis == BasisRelated {
		return oracle(p, p.Find(q.Related), signals, s)
	}
	browser := s.Visitor != nil && (!s.Server || s.Contact == nil)
	recorded := func(r *Record) bool {
		return r != nil && r.Purposes[q.Bit].Choice == ChoiceGiven && r.Purposes[q.Bit].Version == q.Version
	}
	cookieOnly := signals.Count > 0 && signals.Statements[0].Source == SourceCookie
	if recorded(s.Contact) || (browser && recorded(s.Visitor)) ||
		(request && s.Speaks == SpeaksForVisitor && browser) ||
		(request && s.Speaks == SpeaksForContact && s.Contact != nil && !cookieOnly) {
		return Allow
	}
	return Deny
}

// Purposes x signals x what is on record about each identity x who speaks.
func TestExhaustive(t *testing.T) {
	p := testPolicy()
	records := []*Record{
		nil,
		{},
		{State: StateRestricted},
		{State: StateErased},
		{ProfilingOff: true},
		holding(p, given()),
		holding(p, Held{Choice: ChoiceGiven, Version: 1}), holding(p, Held{Choice: ChoiceRefused}),
		holding(p, Held{Choice: ChoiceWithdrawn}), holding(p, Held{Choice: ChoiceObjected}), switched(p),
	}
	signals := exhaustiveSignals(p)
	cases, allowed := 0, 0
	for _, visitor := range records {
		for _, contact := range records {
			for _, second := range []*Record{nil, {}, {ProfilingOff: true}, holding(p, given()), holding(p, Held{Choice: ChoiceObjected})} {
				for _, speaks := range []Speaker{SpeaksForNobody, SpeaksForVisitor, SpeaksForContact} {
					for flags := range 4 {
						s := Subject{Visitor: visitor, Contact: contact, Second: second, Speaks: speaks, Server: flags&1 != 0, NoOrigin: flags&2 != 0}
						for j, sig := range signals {
							if (cases+j)%step != 0 {
								continue
							}
							d := Decide(p, sig, s)
							for i := range p.Purposes {
								cases++
								want := oracle(p, i, sig, s)
								if want == Allow {
									allowed++
								}
								if got := d.Verdict(i); got.Outcome != want {
									t.Fatalf("%s: got %v by %v, want %v; subject %+v signals %+v", p.Purposes[i].ID, got.Outcome, got.By, want, s, sig)
								}
							}
						}
					}
				}
			}
		}
	}
	if cases < 100_000/step || allowed == 0 {
		t.Fatalf("only %d cases, %d allowed", cases, allowed)
	}
	t.Logf("%d verdicts compared with the oracle, %d allowed", cases, allowed)
}

func exhaustiveSignals(p *Policy) []*Signals {
	var all []*Signals
	for _, browser := range []Signals{{}, {GPC: Present}, {DNT: Present}, {GPC: Present, DNT: Present}} {
		one := browser
		all = append(all, &one)
		for _, source := range []Source{
			SourceRequest, SourceCookie, SourceSegment, SourceADPC, SourceTCF, SourceGPP, SourceUSPrivacy, SourceGoogle, SourceRudderStack,
		} {
			for _, r := range []Reading{Unset, Refused, Granted, Unreadable} {
				for _, broken := range []bool{false, true} {
					s := stating(p, source, r)
					s.GPC, s.DNT, s.Statements[0].Broken = browser.GPC, browser.DNT, broken
					all = append(all, s)
				}
			}
		}
	}
	return all
}
