package rotation

import (
	"slices"
	"testing"
	"time"

	"zgoda/pseudonym/standstill"
)

// TestLease: the board of gateways goes by the rotator's clock (its own tests are
// in package standstill).
func TestLease(t *testing.T) {
	h := started(t)
	r := h.rotator
	h.at = h.at.Add(standstill.Settle)
	seen := func(name string, held bool) bool {
		t.Helper()
		hold, err := r.Seen(t.Context(), "cert:gate", name, held, 1)
		h.must(err)
		return hold
	}
	lease := func(release bool) (bool, time.Time) {
		t.Helper()
		held, until, err := r.Lease(t.Context(), "one", release)
		h.must(err)
		return held, until
	}
	seen("one", false)
	seen("two", false)
	if held, _ := lease(false); held {
		t.Error("a lease while another gateway's writer goes on")
	}
	if seen("one", false) || !seen("two", true) {
		t.Error("the wrong gateway is told to hold")
	}
	seen("two", true)
	if held, until := lease(false); !held || until != h.at.Add(standstill.Life) {
		t.Error("no lease when all others hold")
	}
	lease(true)
	nodes, err := r.Nodes(t.Context())
	h.must(err)
	if seen("two", true) || !slices.Equal(nodes, []string{"one", "two"}) {
		t.Errorf("told to hold after the lease was given up; nodes %q", nodes)
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
		told := h.rotator.Told(t.Context())
		if len(told) != 1 || told[0].Key != Profiling {
			t.Fatalf("under way: %+v", told)
		}
		return told[0].Step
	}
	seen := func(name string, held bool) {
		t.Helper()
		_, err := h.rotator.Seen(t.Context(), "cert:gate", name, held, 1)
		h.must(err)
	}
	seen("one", false)
	seen("two", false)
	before := step()
	_, _, err := h.rotator.Lease(t.Context(), "one", false)
	h.must(err)
	if got := step(); got != before+"; waiting until these hold: two" {
		t.Errorf("with a lease: %s", got)
	}
	seen("two", false)
	seen("two", true)
	if got := step(); got != before {
		t.Errorf("when all hold: %s", got)
	}
}
