package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

// keeper is who the keyholder puts in Deps.
type keeper struct{ h *holder }

func (k keeper) Reblind(ctx context.Context, gate uint32, from vault.ContactID, limit int) (Reblinded, error) {
	if err := k.h.next(); err != nil {
		return Reblinded{}, err
	}
	d := k.h.deriver()
	defer d.Release()
	step, err := person.New(k.h.vault, person.DefaultLimits(), k.h.now).Reblind(ctx, from, limit, gate, k.h.ways(d))
	return Reblinded(step), err
}

// ways are the indexes under every live gate key, the oldest first.
func (h *holder) ways(d *keyring.Deriver) person.Ways {
	return func(site event.SiteID, kind event.IdentifierKind, value string) (ways []person.Way, err error) {
		for _, g := range slices.Backward(h.ring.Gateway().Gate) {
			h1, err := blind.NewBlinder(blind.GateKeys{{Version: g.Version, Key: g.Key}}).Blind(site, kind, []byte(value))
			if err != nil {
				return nil, err
			}
			ways = append(ways, person.Way{Index: d.Index(h1), Made: vault.Made{Link: d.Links(), Gate: g.Version}})
		}
		return ways, nil
	}
}

func address(n int) string { return fmt.Sprintf("person%d@example.org", n) }

// keep puts the address of a contact that was made by an event.
func (h *holder) keep(ctx context.Context, people ...int) {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	for _, n := range people {
		id, err := h.vault.Contact(ctx, d.Index(numbered(n)))
		h.must(err)
		_, _, err = person.New(h.vault, person.DefaultLimits(), h.now).Put(ctx, id, "shop",
			[]person.Datum{{Kind: event.KindEmail, Value: address(n), Source: "order form"}}, 0, h.ways(d))
		h.must(err)
	}
}

// by finds the contact of an address under the current gate key alone.
func (h *holder) by(ctx context.Context, n int) vault.ContactID {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	ways, err := h.ways(d)("shop", event.KindEmail, address(n))
	h.must(err)
	id, err := h.vault.Contact(ctx, ways[len(ways)-1].Index)
	if errors.Is(err, vault.ErrUnknown) {
		return 0
	}
	h.must(err)
	return id
}

func (h *holder) contacts(ctx context.Context, to int) (ids []vault.ContactID) {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	for n := range to {
		id, err := h.vault.Contact(ctx, d.Index(numbered(n)))
		h.must(err)
		ids = append(ids, id)
	}
	return ids
}

// reblinds checks what a rotation of K_gate makes of five contacts, of three of
// whom an address is kept.
func reblinds(t *testing.T, h *holder) {
	t.Helper()
	ctx := t.Context()
	const people = 5
	h.mint(0, people)
	h.keep(ctx, 0, 2, 4)
	want := h.contacts(ctx, people)
	old := h.ring.Gateway().Gate[0].Version
	h.must(h.rotator.Start(ctx, Gate, Options{}))
	h.must(h.rotator.Work(ctx))
	for n := range people {
		if got := h.by(ctx, n); n%2 == 0 && got != want[n] || n%2 == 1 && got != 0 {
			t.Errorf("contact %d is found as %d", want[n], got)
		}
	}
	if n, err := h.rotator.Reblinded(ctx); err != nil || n != 3 {
		t.Errorf("%d re-blinded, %v", n, err)
	}
	if left, err := h.rotator.Alone(ctx, old); err != nil || left != people {
		t.Errorf("%d identifiers are left, %v", left, err)
	}
	h.must(person.New(h.vault, person.DefaultLimits(), h.now).Merge(ctx, want[1], want[4], nil))
	if err := h.rotator.Start(ctx, Gate, Options{Retire: old, Lose: people - 1}); !errors.Is(err, ErrWouldLose) {
		t.Fatalf("error %v", err)
	}
	h.must(h.rotator.Start(ctx, Gate, Options{Retire: old, Lose: people}))
	h.must(h.rotator.Work(ctx))
	if got := []vault.ContactID{h.by(ctx, 0), h.by(ctx, 2), h.by(ctx, 4)}; !slices.Equal(got, []vault.ContactID{want[0], want[2], want[1]}) {
		t.Errorf("after the old key is gone: %v of %v", got, want)
	}
	if n, err := h.rotator.Reblinded(ctx); err != nil || n != 0 {
		t.Errorf("%d re-blinded by a rotation that is over, %v", n, err)
	}
}

func TestReblinds(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		h := newHolder(t)
		h.batch = 2 * reblindShare // two contacts in a transaction
		h.must(h.open())
		reblinds(t, h)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		h, _ := sharing(t, pgtest.Start(t).Database(t), kektest.NewToken(t))
		reblinds(t, h)
	})
}

// TestReblindsAllThatIsPut: an address that was put under the old key alone, after
// its contact was passed, is re-blinded before the old key may go.
func TestReblindsAllThatIsPut(t *testing.T) {
	h := started(t)
	ctx := t.Context()
	h.mint(0, 2)
	h.must(h.rotator.Start(ctx, Gate, Options{}))
	h.must(h.rotator.Work(ctx))
	gates := h.ring.Gateway().Gate
	d := h.deriver()
	id, err := h.vault.Contact(ctx, d.Index(numbered(0)))
	h.must(err)
	all := h.ways(d)
	_, _, err = person.New(h.vault, person.DefaultLimits(), h.now).Put(ctx, id, "shop",
		[]person.Datum{{Kind: event.KindEmail, Value: address(0), Source: "order form"}}, 0,
		func(site event.SiteID, kind event.IdentifierKind, value string) ([]person.Way, error) {
			ways, err := all(site, kind, value)
			return ways[:1], err
		})
	d.Release()
	h.must(err)
	if left, err := h.rotator.Alone(ctx, gates[1].Version); err != nil || left != 3 || h.by(ctx, 0) != 0 {
		t.Fatalf("%d left, %v", left, err)
	}
	h.must(h.rotator.Start(ctx, Gate, Options{Retire: gates[1].Version, Lose: 2}))
	h.must(h.rotator.Work(ctx))
	if h.by(ctx, 0) != id {
		t.Error("the contact is lost")
	}
}

// TestReblindKilledAnywhere: the next start goes on, every address is found, and
// each is counted once.
func TestReblindKilledAnywhere(t *testing.T) {
	const people = 7
	everybody := []int{0, 1, 2, 3, 4, 5, 6}
	for n := 0; ; n++ {
		h := newHolder(t)
		h.batch = 3 * reblindShare
		h.must(h.open())
		h.mint(0, people)
		h.keep(t.Context(), everybody...)
		want := h.contacts(t.Context(), people)
		h.must(h.rotator.Start(t.Context(), Gate, Options{}))
		left := n
		h.step = func() error {
			if left--; left < 0 {
				return errKilled
			}
			return nil
		}
		err := h.rotator.Work(t.Context())
		h.step = nil
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		h.reopen()
		h.must(h.rotator.Work(t.Context()))
		for n := range people {
			if got := h.by(t.Context(), n); got != want[n] {
				t.Fatalf("contact %d is found as %d", want[n], got)
			}
		}
		if got, err := h.rotator.Reblinded(t.Context()); err != nil || got != people {
			t.Fatalf("killed at step %d: %d re-blinded, %v", n, got, err)
		}
		h.close()
		if err == nil {
			if n < 6 {
				t.Fatalf("only %d steps", n)
			}
			return
		}
	}
}
