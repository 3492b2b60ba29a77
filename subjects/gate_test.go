package subjects

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// listening is a keyholder that keeps what it was asked for.
type listening struct {
	*keyholder
	mu    sync.Mutex
	heard []pseudonym.Query
}

func (l *listening) keep(queries []pseudonym.Query) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, queries...)
}

func (l *listening) Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	l.keep(queries)
	return l.keyholder.Resolve(ctx, queries)
}

func (l *listening) Link(ctx context.Context, r pseudonym.LinkRequest) (pseudonym.LinkAnswer, error) {
	l.keep(r.Contact)
	return l.keyholder.Link(ctx, r)
}

func (l *listening) Find(ctx context.Context, q pseudonym.Query) (event.Handles, bool, error) {
	l.keep([]pseudonym.Query{q})
	return l.keyholder.Find(ctx, q)
}

func (l *listening) BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error) {
	h, err := l.Blind(site, kind, value)
	return pseudonym.Both{H1: h, Old: h1(kind, "old "+string(value)), Gate: 7}, err
}

// TestBothGateKeys: while the gateway's key rotates every way of asking the
// keyholder names a contact under both keys, and which the newer is.
func TestBothGateKeys(t *testing.T) {
	w := newWorld(t)
	k := &listening{keyholder: w.keys}
	if err := w.set.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.set, err = New(w.cfg, Deps{Resolver: k, Store: w.slow, Policies: policies}); err != nil {
		t.Fatal(err)
	}
	d, err := NewDirectory(w.set, k, k, w.store)
	if err != nil {
		t.Fatal(err)
	}
	both := func(name string) Identity {
		b, err := k.BlindBoth(site, event.KindUserID, []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		return IdentityOf(b, event.KindUserID, true)
	}
	ctx := t.Context()
	if _, _, err := d.Find(ctx, site, event.KindUserID, "found"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Make(ctx, site, event.KindUserID, "made"); err != nil {
		t.Fatal(err)
	}
	if err := d.MakeAll(ctx, site, []Name{{event.KindUserID, "many"}}, make([]event.Handle, 1), make([]error, 1)); err != nil {
		t.Fatal(err)
	}
	if err := w.set.Load(ctx, site, time.Now(), []Identity{both("loaded")}, make([]Entry, 1)); err != nil {
		t.Fatal(err)
	}
	device := visitor("device")
	if _, err := w.set.Link(ctx, site, time.Now(), []Identity{both("linked")}, &device); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"found", "made", "many", "loaded", "linked"} {
		if !slices.ContainsFunc(k.heard, func(q pseudonym.Query) bool { return q.Old == h1(event.KindUserID, "old "+name) }) {
			t.Errorf("%s was not asked for under the old key", name)
		}
	}
	for _, q := range k.heard {
		if contact := q.Kind != event.KindVisitor; contact != (q.Gate == 7) || contact == q.Old.IsZero() {
			t.Errorf("a %s was asked for under gate key %d, an old hash: %t", q.Kind, q.Gate, !q.Old.IsZero())
		}
	}
}
