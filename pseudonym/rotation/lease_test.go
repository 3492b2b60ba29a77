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
