package restore

import (
	"slices"
	"testing"

	"zgoda/control"
)

// TestGateKnowsAnOlderControlStore: an erasure that the control store says is under way,
// though its keys are destroyed, is one of a restore: it is carried out again, also
// beside other gateways.
func TestGateKnowsAnOlderControlStore(t *testing.T) {
	for step, again := range map[control.EraseStep]bool{control.StepFenced: true, control.StepProven: true, control.StepTold: false, control.StepDestroyed: false} {
		s := whole(t)
		one := id{2}
		delete(s.control, one)
		s.rows[one], s.record[one] = true, true
		s.requests[one], s.steps = control.RequestRunning, map[id]control.EraseStep{one: step}
		g := s.gate(t, func(_ *Config, d *Deps) { d.Alone = false })
		if err := g.look(t.Context(), true); err != nil || !g.Passing() {
			t.Fatal(step, g.Passing(), err)
		}
		if slices.Contains(s.acts, "replay") != again || s.rows[one] == again || s.record[one] == again || s.control[one] != again {
			t.Errorf("at %s: it did %v", step, s.acts)
		}
	}
}
