package signal

import (
	"testing"

	"zgoda/consent"
)

// allowsNothingBroken fails when a decision by what was read allows anything but
// measurement though something of it cannot be read.
func allowsNothingBroken(t *testing.T, p *consent.Policy, s *consent.Signals) {
	t.Helper()
	broken := false
	for i := range s.Statements[:s.Count] {
		broken = broken || s.Statements[i].Broken
	}
	if !broken {
		return
	}
	d := consent.Decide(p, s, consent.Subject{Visitor: agreed(p), Speaks: consent.SpeaksForVisitor, Today: consent.DayOf(testNow)})
	for i := range p.Purposes {
		if p.Purposes[i].Kind != consent.KindMeasurement && d.Verdict(i).Outcome == consent.Allow {
			t.Fatalf("%s is allowed though a signal cannot be read", p.Purposes[i].ID)
		}
	}
}

// agreed is the record of somebody who agreed to everything.
func agreed(p *consent.Policy) *consent.Record {
	r := &consent.Record{}
	for i := range p.Purposes {
		r.Purposes[p.Purposes[i].Bit] = consent.Held{Choice: consent.ChoiceGiven, Version: p.Purposes[i].Version, Dialogue: true}
	}
	return r
}
