package subjects

import (
	"testing"
	"time"

	"zgoda/event"
)

// TestKnown: what was loaded is answered without the keyholder, and nothing else.
func TestKnown(t *testing.T) {
	w := newWorld(t)
	u, v, out := user("u"), visitor("v"), make([]Entry, 2)
	now := time.Now()
	if w.set.Known(site, now, []Identity{u}, out) || w.set.Linked(site, now, []Identity{u}, &v) {
		t.Fatal("somebody who was never loaded is known")
	}
	if _, err := w.set.Link(t.Context(), site, now, []Identity{u}, &v); err != nil {
		t.Fatal(err)
	}
	before := w.keys.resolves.Load() + w.keys.links.Load()
	w.keys.set(func() { w.keys.err = errAway })
	if !w.set.Known(site, now, []Identity{u, v}, out) || out[0].IsZero() || out[1].IsZero() {
		t.Error("who was loaded is not known while the keyholder is away")
	}
	if !w.set.Linked(site, now, []Identity{u}, &v) {
		t.Error("what was linked is not known to be while the keyholder is away")
	}
	if w.set.Known(site, now, []Identity{u, user("other")}, out) || w.set.Linked(site, now, []Identity{u, user("other")}, &v) {
		t.Error("a stranger is known")
	}
	if w.set.Known(site, now.Add(w.cfg.TTL+time.Minute), []Identity{u}, out) {
		t.Error("somebody is known for longer than an entry is believed")
	}
	if !w.set.Known(site, now, nil, nil) {
		t.Error("nobody is not known")
	}
	if asked := w.keys.resolves.Load() + w.keys.links.Load() - before; asked != 0 {
		t.Errorf("the keyholder was asked %d times", asked)
	}
}

// The cut-off of an erasure comes with whoever has the identifier again, from memory
// too, and nobody shares it who has none.
func TestLate(t *testing.T) {
	w := newWorld(t)
	back, other := user("back"), user("other")
	cutoff := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	w.keys.erased = map[event.Blinded]int64{back.H1: cutoff.UnixMilli()}
	for range 2 {
		out := w.load(back, other)
		if e := &out[0]; !e.Late(cutoff.Add(-time.Millisecond)) || e.Late(cutoff) || e.Handles.Erased != cutoff.UnixMilli() {
			t.Errorf("the cut-off is %d", e.Handles.Erased)
		}
		if out[1].Late(cutoff.AddDate(-1, 0, 0)) {
			t.Error("somebody else is late")
		}
	}
	if w.keys.resolves.Load() != 1 {
		t.Errorf("asked %d times", w.keys.resolves.Load())
	}
}
