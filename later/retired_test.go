package later

import (
	"testing"

	"zgoda/subjects"
)

// TestKeyEndsMeanwhile: an event was opened, could not be decided, and the gateway
// key that its contacts are under is retired before it is tried again. It goes into
// the quarantine, and what came after it is decided.
func TestKeyEndsMeanwhile(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.collector.resume = func(id string) (Outcome, error) {
		if id == "old" {
			w.keyholder.retire("1")
			return Outcome{}, subjects.ErrKeyholderAway // each time
		}
		return Outcome{}, nil
	}
	w.run(t)
	w.put(t, "old", "1")
	w.put(t, "new", "2")
	w.empty(t)
	w.stop()
	if len(w.collector.taken) != 1 || w.collector.taken[0] != "new" || w.fates.quarantined != 1 {
		t.Errorf("decided %v, quarantined %d", w.collector.taken, w.fates.quarantined)
	}
}
