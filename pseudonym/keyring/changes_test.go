package keyring

import (
	"context"
	"errors"
	"testing"
	"time"

	"zgoda/event"
)

var errCrash = errors.New("crash")

// faulty is a shelf that fails from the n-th change on: either before the change,
// or when it is done.
type faulty struct {
	Shelf

	left *int
}

func (f *faulty) Write(ctx context.Context, name string, wrapped []byte, instead Revision) (Revision, error) {
	if *f.left < 0 {
		return 0, errCrash
	}
	*f.left--
	if *f.left == -1 && len(wrapped)%2 == 0 { // not written
		return 0, errCrash
	}
	revision, err := f.Shelf.Write(ctx, name, wrapped, instead)
	if *f.left == -1 {
		return 0, errCrash
	}
	return revision, err
}

func (f *faulty) Destroy(ctx context.Context, name string) error {
	if *f.left < 0 {
		return errCrash
	}
	*f.left--
	if *f.left == -1 {
		return errCrash
	}
	return f.Shelf.Destroy(ctx, name)
}

// TestSlots: a version that is in use, an old one, and one that is gone.
func TestSlots(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	one, err := r.Slots().Seal(1, []byte("text"), []byte("bind"))
	must(t, err)
	if old, current := rotate(t, r, nameSlot); old != 1 || current != 2 || r.Slots().Current() != 2 {
		t.Fatalf("versions %d and %d", old, current)
	}
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		if plain, err := ring.Slots().Open(1, one, []byte("bind")); err != nil || string(plain) != "text" {
			t.Errorf("an old version does not open: %v", err)
		}
		if _, err := ring.Slots().Open(2, one, []byte("bind")); !errors.Is(err, ErrSlot) {
			t.Errorf("another version opens it: %v", err)
		}
		if _, err := ring.Slots().Open(1, one, []byte("else")); !errors.Is(err, ErrSlot) {
			t.Errorf("another binding opens it: %v", err)
		}
		if _, err := ring.Slots().Open(1, one[:5], nil); !errors.Is(err, ErrSlot) {
			t.Errorf("a piece: %v", err)
		}
	}
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		if _, err := ring.Slots().Open(1, one, []byte("bind")); !errors.Is(err, ErrSlot) {
			t.Errorf("a destroyed version opens: %v", err)
		}
	}
	if err := r.Destroy(t.Context(), nameSlot, 2, "test"); !errors.Is(err, ErrCurrent) {
		t.Errorf("the version in use was destroyed: %v", err)
	}
	if err := r.Promote(t.Context(), nameSlot, 9); !errors.Is(err, errNoVersion) {
		t.Errorf("a version that there is not: %v", err)
	}
}

// TestLinkIsAChain: the index of a new chain is the old index under the new link.
func TestLinkIsAChain(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	h1 := event.Blinded{7}
	index := func(r *Ring) (current, old Index, carrying bool) {
		e, err := r.Epoch()
		must(t, err)
		d := e.Deriver()
		defer d.Release()
		return d.Indexes(h1)
	}
	first, _, carrying := index(r)
	if carrying {
		t.Error("carrying before any rotation")
	}
	rotate(t, r, nameLink)
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		second, old, carrying := index(ring)
		if !carrying || old != first || second == first || !ring.Carrying(nameLink) {
			t.Error("the old index is not found while identifiers are carried over")
		}
	}
	second, _, _ := index(r)
	must(t, r.Keep(t.Context(), nameLink, 1))
	third, _, carrying := index(r)
	if carrying || third != second {
		t.Error("the end of the carrying changed an index")
	}
	if _, contact := derive(t, r, 0); contact.Consent.IsZero() {
		t.Error("no decoy")
	}
}

// TestPromoteWaitsForDerivers: when it returns, nobody can still act on an index
// of the old chain; who comes with the old epoch in hand gets the new keys.
func TestPromoteWaitsForDerivers(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	stale, err := r.Epoch()
	must(t, err)
	d := stale.Deriver()
	number, err := r.Make(t.Context(), nameLink)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.Promote(ctx, nameLink, number); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it did not wait: %v", err)
	}
	d.Release()
	must(t, r.Promote(t.Context(), nameLink, number))
	late := stale.Deriver()
	defer late.Release()
	if late.Links() != 2 {
		t.Error("an epoch that has ended still gives out its keys")
	}
}

// TestChangesAreResumed: killed after any write of a whole life, the keys open
// and can be brought to the end.
func TestChangesAreResumed(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		c := &clock{at: date(2026, 11, 15, 12)}
		left := 1 << 30
		wrapShelf = func(s Shelf) Shelf { return &faulty{Shelf: s, left: &left} }
		r, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
		wrapShelf = nil
		must(t, err)
		visitor, contact := derive(t, r, 0)
		left = n
		err = life(t.Context(), r)
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		again, d := reopenRecorded(t, dir, c)
		must(t, life(t.Context(), again))
		if v, k := derive(t, again, 0); v != visitor || k != contact {
			t.Fatalf("after %d writes: pseudonyms changed", n)
		}
		if !d.has("destroyed slot") {
			t.Fatalf("after %d writes: the end is not recorded: %v", n, d.acts)
		}
		if len(again.sets[nameSlot].having(StateOld)) != 0 || again.Slots().Current() < 2 {
			t.Fatalf("after %d writes: %v", n, again.sets[nameSlot].head.Versions)
		}
		if err == nil {
			if n < 20 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
	}
}
