package rotation

import (
	"slices"
	"testing"

	"zgoda/pseudonym/standstill"
)

// TestLease: the board of gateways goes by the rotator's clock (its own tests are
// in package standstill).
func TestLease(t *testing.T) {
	h := started(t)
	r := h.rotator
	h.at = h.at.Add(standstill.Settle)
	r.Seen("cert:gate", "one", false)
	r.Seen("cert:gate", "two", false)
	if held, _ := r.Lease("one", false); held {
		t.Error("a lease while another gateway's writer goes on")
	}
	if r.Seen("cert:gate", "one", false) || !r.Seen("cert:gate", "two", true) {
		t.Error("the wrong gateway is told to hold")
	}
	r.Seen("cert:gate", "two", true)
	if held, until := r.Lease("one", false); !held || until != h.at.Add(standstill.Life) {
		t.Error("no lease when all others hold")
	}
	r.Lease("one", true)
	if r.Seen("cert:gate", "two", true) || !slices.Equal(r.Nodes(), []string{"one", "two"}) {
		t.Errorf("told to hold after the lease was given up; nodes %q", r.Nodes())
	}
}

// TestWhoIsWaitedFor: whoever asks how far the rotation is hears which gateways a
// lease waits for, as long as it does.
func TestWhoIsWaitedFor(t *testing.T) {
	h := started(t)
	h.mint(0, 1)
	h.must(h.rotator.Start(t.Context(), Profiling, Options{}))
	h.must(h.rotator.Work(t.Context()))
	step := func() string {
		t.Helper()
		told := h.rotator.Told()
		if len(told) != 1 || told[0].Key != Profiling {
			t.Fatalf("under way: %+v", told)
		}
		return told[0].Step
	}
	h.rotator.Seen("cert:gate", "one", false)
	h.rotator.Seen("cert:gate", "two", false)
	before := step()
	h.rotator.Lease("one", false)
	if got := step(); got != before+"; waiting until these hold: two" {
		t.Errorf("with a lease: %s", got)
	}
	h.rotator.Seen("cert:gate", "two", false)
	h.rotator.Seen("cert:gate", "two", true)
	if got := step(); got != before {
		t.Errorf("when all hold: %s", got)
	}
}
