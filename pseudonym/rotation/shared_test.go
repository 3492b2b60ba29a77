package rotation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// sharing opens a keyholder over a database that others share.
func sharing(t *testing.T, address string, provider kek.Provider) (h *holder, shelf *vault.Shelf) {
	t.Helper()
	h = newHolder(t)
	shelf, err := vault.OpenShelf(t.Context(), vault.Config{Address: address})
	h.must(err)
	h.ring, err = keyring.Open(t.Context(), keyring.Config{Dir: h.dir, KEK: provider, Shelf: shelf, Evidence: h, Now: h.now})
	h.must(err)
	h.must(h.ring.Refresh(t.Context()))
	h.vault, err = vault.OpenUnder(t.Context(), vault.Config{Address: address}, h.ring.Slots())
	h.must(err)
	cfg := DefaultConfig()
	cfg.Batch, cfg.Look, cfg.Again, cfg.Settle = 20, time.Hour, time.Hour, time.Second
	h.rotator, err = New(h.ring, h.vault, cfg, Deps{Lead: shelf.Leads, Board: shelf.Standstill(), Reblind: keeper{h}, Now: time.Now})
	h.must(err)
	t.Cleanup(func() {
		h.close()
		_ = shelf.Close()
	})
	return h, shelf
}

// meanwhile is what a keyholder does while keys rotate: it looks for keys of the
// others, finds everybody and makes new contacts.
type meanwhile struct {
	*holder

	before     []event.Handles
	from, next int // numbers of the contacts that it makes
	held       int
}

// look is what the keyholder does each second.
func (m *meanwhile) look(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := m.ring.Refresh(ctx); err != nil && ctx.Err() == nil {
			m.tb.Error(err)
		}
		<-tick.C
	}
}

func (m *meanwhile) load(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n = (n + 1) % len(m.before) {
		got, err := m.shared(n)
		if errors.Is(err, keyring.ErrHeld) { // its gateways ask again
			m.held++
			<-time.After(10 * time.Millisecond)
			continue
		}
		if err != nil || got != m.before[n] {
			m.tb.Errorf("contact %d is not found while keys rotate: %v", n, err)
			return
		}
		if n%10 == 0 && m.makes(m.next) {
			m.next++
		}
	}
}

// TestTwoKeyholdersRotate: one of them rotates, while both find everybody and
// make new contacts; none is lost, and each finds those of the other.
func TestTwoKeyholdersRotate(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), kektest.NewToken(t)
	a, _ := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	a.mint(0, some)
	before := a.all(some)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	both := []*meanwhile{
		{holder: a, before: before, from: some, next: some},
		{holder: b, before: before, from: 10 * some, next: 10 * some},
	}
	for _, m := range both {
		busy.Go(func() { m.look(ctx) })
		busy.Go(func() { m.load(ctx) })
	}
	for _, key := range []keyring.Key{Slot, Link, Slot} {
		rotateBeside(t, a, b, key)
	}
	stop()
	busy.Wait()
	// Who comes later finds all of them.
	c, _ := sharing(t, address, provider)
	for n := range some {
		if got, err := c.shared(n); err != nil || got != before[n] {
			t.Fatalf("contact %d: %v", n, err)
		}
	}
	for i, m := range both {
		for n := m.from; n < m.next; n++ {
			if _, err := c.shared(n); err != nil {
				t.Fatalf("contact %d of keyholder %d is lost", n, i)
			}
		}
		if m.held == 0 {
			t.Errorf("keyholder %d never held: it went on by the old chain", i)
		}
		t.Logf("%d contacts made meanwhile", m.next-m.from)
	}
}

// rotateBeside rotates a key at a, while b may not.
func rotateBeside(t *testing.T, a, b *holder, key keyring.Key) {
	t.Helper()
	a.must(a.rotator.Start(t.Context(), key, Options{}))
	if err := b.rotator.Start(t.Context(), key, Options{}); !errors.Is(err, ErrNotLeading) {
		t.Errorf("both rotate: %v", err)
	}
	a.must(b.rotator.Work(t.Context())) // it has nothing to do
	eventually(t, "the end of "+string(key), func() bool {
		a.must(a.rotator.Work(t.Context()))
		made, old, err := a.ring.Waiting(t.Context(), key)
		a.must(err)
		return made == 0 && len(old) == 0
	})
}

// eventually polls with a deadline.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// makes makes a contact, unless all are held.
func (h *holder) makes(n int) bool {
	epoch, err := h.ring.Epoch()
	if errors.Is(err, keyring.ErrHeld) {
		return false
	}
	h.must(err)
	d := epoch.Deriver()
	defer d.Release()
	h.must(h.vault.MintUnder(context.Background(), []keyring.Index{d.Index(numbered(n))}, vault.Made{Link: d.Links()}))
	return true
}

// shared finds somebody whom another keyholder may have made.
func (h *holder) shared(n int) (event.Handles, error) {
	epoch, err := h.ring.Epoch()
	if err != nil {
		return event.Handles{}, err
	}
	d := epoch.Deriver()
	defer d.Release()
	current, old, carrying := d.Indexes(numbered(n))
	places := []keyring.Index{current}
	if carrying {
		places = []keyring.Index{old, current}
	}
	for range 2 {
		for _, at := range places {
			if salt, known := h.vault.Lookup(at); known {
				return d.Contact(salt, 0), nil
			}
		}
		if err := h.vault.Load(context.Background(), places); err != nil {
			return event.Handles{}, fmt.Errorf("load: %w", err)
		}
	}
	return event.Handles{}, errUnknown
}

// TestLeadershipPassesOn when who has it goes.
func TestLeadershipPassesOn(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), kektest.NewToken(t)
	a, first := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	a.must(a.rotator.Start(t.Context(), Slot, Options{}))
	a.must(a.rotator.Work(t.Context())) // in use, and others are waited for
	a.must(first.Close())
	eventually(t, "the other goes on", func() bool {
		b.must(b.ring.Refresh(t.Context()))
		b.must(b.rotator.Work(t.Context()))
		return b.ring.Slots().Current() == 2 && b.count(Slot, keyring.StateOld) == 0
	})
}
