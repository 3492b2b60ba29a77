package keyring

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
)

// desk is a shelf in memory that several keyholders share. The vault's own tests
// try the one in a database.
type desk struct {
	mu      sync.Mutex
	content map[string][]byte
	at      map[string]Revision
	last    Revision
	lock    chan struct{}
	away    bool
}

func newDesk() *desk {
	return &desk{content: map[string][]byte{}, at: map[string]Revision{}, lock: make(chan struct{}, 1)}
}

var errAway = errors.New("away")

func (d *desk) Names(_ context.Context, prefix string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := slices.Collect(maps.Keys(d.content))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) }), nil
}

func (d *desk) Revisions(context.Context) (map[string]Revision, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return nil, errAway
	}
	return maps.Clone(d.at), nil
}

func (d *desk) Read(_ context.Context, name string) ([]byte, Revision, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	content, ok := d.content[name]
	if !ok {
		return nil, 0, fmt.Errorf("%s: %w", name, ErrNoKeyset)
	}
	return content, d.at[name], nil
}

func (d *desk) Write(_ context.Context, name string, wrapped []byte, instead Revision) (Revision, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[name] != instead {
		return 0, ErrRaced
	}
	d.last++
	d.content[name], d.at[name] = slices.Clone(wrapped), d.last
	return d.last, nil
}

func (d *desk) Destroy(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.content, name)
	delete(d.at, name)
	return nil
}

func (d *desk) Lock(context.Context) (func() error, error) {
	d.lock <- struct{}{}
	return func() error { <-d.lock; return nil }, nil
}

// two opens two keyholders' rings over one shelf.
func two(t *testing.T) (a, b *Ring, c *clock, d *desk) {
	t.Helper()
	c, d = &clock{at: date(2026, 11, 15, 12)}, newDesk()
	k := kektest.NewToken(t)
	var rings [2]*Ring
	var opening sync.WaitGroup
	for i := range rings { // at one time: one of them makes the keys
		opening.Go(func() {
			r, err := Open(context.Background(), Config{Dir: t.TempDir(), Now: c.now, KEK: k, Shelf: d})
			if err != nil {
				t.Error(err)
			}
			rings[i] = r
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	must(t, rings[0].Refresh(t.Context()))
	must(t, rings[1].Refresh(t.Context()))
	return rings[0], rings[1], c, d
}

// TestTwoKeyholdersHaveTheSameKeys: from the first start, through every change
// that one of them makes, and a month that begins for both.
func TestTwoKeyholdersHaveTheSameKeys(t *testing.T) {
	a, b, c, _ := two(t)
	same := func(when string) {
		t.Helper()
		must(t, a.Refresh(t.Context()))
		must(t, b.Refresh(t.Context()))
		av, ac := derive(t, a, 0)
		bv, bc := derive(t, b, 0)
		if av != bv || ac != bc || a.Revision() != b.Revision() {
			t.Errorf("%s: the two differ", when)
		}
		sealed, err := a.Slots().Seal(a.Slots().Current(), []byte("text"), nil)
		must(t, err)
		if _, err := b.Slots().Open(b.Slots().Current(), sealed, nil); err != nil {
			t.Errorf("%s: one cannot open what the other sealed: %v", when, err)
		}
		e, err := a.Epoch()
		must(t, err)
		f, err := b.Epoch()
		must(t, err)
		one, two := e.Deriver(), f.Deriver()
		defer one.Release()
		defer two.Release()
		if one.Index(event.Blinded{5}) != two.Index(event.Blinded{5}) {
			t.Errorf("%s: indexes differ", when)
		}
	}
	same("at the start")
	for _, key := range []Key{nameSlot, nameLink, nameProfiling, nameGate} {
		rotate(t, a, key)
		same("after " + string(key))
	}
	must(t, a.Destroy(t.Context(), nameSlot, 1, "test"))
	must(t, a.RenewWrapping(t.Context(), nil))
	same("after a re-wrap")
	c.at = date(2027, 1, 3, 12)
	var turn sync.WaitGroup
	for _, r := range []*Ring{a, b} {
		turn.Go(func() {
			if _, err := r.Epoch(); err != nil {
				t.Error(err)
			}
		})
	}
	turn.Wait()
	same("after the year's turn")
	// A keyset that the other makes while this one wraps everything anew.
	for range 20 {
		var both sync.WaitGroup
		c.at = c.at.AddDate(0, 0, 1)
		both.Go(func() {
			if err := a.RenewWrapping(context.Background(), nil); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := b.Tombstone(context.Background()); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
	}
	must(t, a.Refresh(t.Context()))
	if days, err := a.Tombstones(t.Context()); err != nil || len(days) != 20 {
		t.Errorf("%d keys of days, %v", len(days), err)
	}
}

// TestWhoCannotLookStops: keys that may have changed are not used.
func TestWhoCannotLookStops(t *testing.T) {
	a, b, _, d := two(t)
	d.away = true
	if err := b.Refresh(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("error %v", err)
	}
	b.looked.Add(-StaleAfter.Nanoseconds())
	if _, err := b.Epoch(); !errors.Is(err, ErrStale) {
		t.Errorf("it still derives: %v", err)
	}
	if _, err := b.Slots().Seal(1, nil, nil); !errors.Is(err, ErrStale) {
		t.Errorf("it still seals: %v", err)
	}
	d.away = false
	must(t, b.Refresh(t.Context()))
	if _, err := b.Epoch(); err != nil {
		t.Error(err)
	}
	if _, err := a.Epoch(); err != nil {
		t.Error(err)
	}
}

// TestSharedKeysNeedASharedKEK: a file is one keyholder's, and what keeps every
// version would need one beside it.
func TestSharedKeysNeedASharedKEK(t *testing.T) {
	file, err := kek.Open(t.Context(), kek.Config{URI: FileURI, Dir: filepath.Join(t.TempDir(), "kek"), MayMake: true})
	must(t, err)
	for _, k := range []kek.Provider{nil, file, newElsewhere(t, "aws-kms://x")} {
		if _, err := Open(t.Context(), Config{Dir: t.TempDir(), KEK: k, Shelf: newDesk()}); !errors.Is(err, ErrFileKEK) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := Open(t.Context(), Config{Dir: t.TempDir(), KEK: kektest.NewToken(t), Shelf: newDesk(), Existing: true}); !errors.Is(err, ErrNoKeyset) {
		t.Errorf("keys were made for a vault that has others: %v", err)
	}
}
