package keyring

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// deaf is a shelf on which the keys of months cannot be read for a while.
type deaf struct {
	Shelf

	on bool
}

func (d *deaf) Read(ctx context.Context, name string) ([]byte, Revision, error) {
	if d.on && strings.HasPrefix(name, analyticsPrefix) {
		return nil, 0, errAway
	}
	return d.Shelf.Read(ctx, name)
}

func links(t *testing.T, r *Ring) uint32 {
	t.Helper()
	e, err := r.Epoch()
	must(t, err)
	d := e.Deriver()
	defer d.Release()
	return d.Links()
}

// TestChangeThatMemoryDidNotFollow: a new link of the chain is in the files, and what
// derives could not be made of it. Whoever then asks what is to be carried over gets
// an answer only once contacts are looked for by the longer chain: else no index would
// be changed, and nobody found.
func TestChangeThatMemoryDidNotFollow(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	shelf := &deaf{Shelf: r.wraps.shelf}
	r.wraps.shelf = shelf
	number, err := r.Make(t.Context(), nameLink)
	must(t, err)
	shelf.on = true
	if err := r.Promote(t.Context(), nameLink, number); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	if _, _, err := r.Waiting(t.Context(), nameLink); !errors.Is(err, errAway) {
		t.Errorf("told what to carry over: %v", err)
	}
	shelf.on = false
	if made, old, err := r.Waiting(t.Context(), nameLink); err != nil || made != 0 || len(old) != 1 {
		t.Fatalf("made %d, old %v: %v", made, old, err)
	}
	if n := links(t, r); n != 2 {
		t.Errorf("a chain of %d", n)
	}
}

// TestPromotedAgain: putting a version in use again follows as well.
func TestPromotedAgain(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	shelf := &deaf{Shelf: r.wraps.shelf}
	r.wraps.shelf = shelf
	number, err := r.Make(t.Context(), nameLink)
	must(t, err)
	shelf.on = true
	if err := r.Promote(t.Context(), nameLink, number); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	shelf.on = false
	must(t, r.Promote(t.Context(), nameLink, number))
	if n := links(t, r); n != 2 {
		t.Errorf("a chain of %d", n)
	}
}

// TestRefreshThatFailedIsDoneAgain: a keyholder that read the keys that another
// changed, and could not go over to them, does so at the next look.
func TestRefreshThatFailedIsDoneAgain(t *testing.T) {
	a, b, _, _ := two(t)
	shelf := &deaf{Shelf: b.wraps.shelf}
	wrapShelf = func(Shelf) Shelf { return shelf } // it opens the wrapping keys again
	t.Cleanup(func() { wrapShelf = nil })
	number, err := a.Make(t.Context(), nameLink)
	must(t, err)
	must(t, b.Refresh(t.Context()))
	must(t, a.Promote(t.Context(), nameLink, number))
	shelf.on = true
	if err := b.Refresh(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	shelf.on = false
	must(t, b.Refresh(t.Context()))
	if n := links(t, b); n != 2 {
		t.Errorf("a chain of %d", n)
	}
}
