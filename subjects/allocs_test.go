//go:build !race

// Under the race detector sync.Pool drops what it is given at random, and the
// cache's own pool then allocates.

package subjects

import (
	"testing"
	"time"
)

func TestHitsAllocateNothing(t *testing.T) {
	w := newWorld(t)
	ids := []Identity{visitor("v"), user("u")}
	out := w.load(ids...)
	w.grant(derived("other", ids[0].H1), "analytics", true)
	now := time.Now()
	ctx := t.Context()
	put := func() error { return nil }
	if n := testing.AllocsPerRun(1000, func() {
		if w.set.Load(ctx, site, now, ids, out) != nil || w.set.Accept(out, put) != nil {
			t.Error("no hit")
		}
	}); n != 0 {
		t.Errorf("a hit and its accept allocate %v times", n)
	}
	v := visitor("v")
	contact := []Identity{user("u")}
	if _, err := w.set.Link(ctx, site, now, contact, &v); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := w.set.Link(ctx, site, now, contact, &v); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("a repeated link allocates %v times", n)
	}
	if w.keys.links.Load() != 1 {
		t.Errorf("a repeated link asked the keyholder %d times", w.keys.links.Load())
	}
}
