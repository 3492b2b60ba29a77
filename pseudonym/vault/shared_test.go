package vault

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// two opens a shared vault twice.
func two(t *testing.T, address string) (a, b *Vault) {
	t.Helper()
	bed := &bed{cfg: Config{Address: address}, slots: newSlots()}
	t.Cleanup(func() { bed.close(t) })
	return bed.start(t), bed.start(t)
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(15 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(what)
		}
	}
}

// What one keyholder does the other knows, without being asked for anything.
func TestTwoKeyholdersFollow(t *testing.T) {
	a, b := two(t, pgtest.Start(t).Database(t))
	had := mint(t, a, index(1), index(2), index(3))
	until(t, "the other's contacts stay unknown", func() bool {
		_, contacts := b.Counts()
		return contacts == 3
	})
	until(t, "the other does not answer from memory", func() bool { // it does not when it was held up for a second
		_, known := b.Lookup(index(1))
		return known
	})
	if salt, known := b.Lookup(index(1)); known && salt != had[0] {
		t.Error("another salt")
	}
	link(t, a, event.Blinded{}, index(1), index(10)) // another identifier of somebody known is asked for
	if err := b.Load(t.Context(), []keyring.Index{index(10)}); err != nil {
		t.Fatal(err)
	}
	until(t, "an identifier that the other linked is unknown", func() bool {
		salt, known := b.Lookup(index(10))
		return known && salt == had[0]
	})
	if err := a.Forget(t.Context(), contactOf(t, a, index(1))); err != nil {
		t.Fatal(err)
	}
	if err := a.Merge(t.Context(), contactOf(t, a, index(2)), contactOf(t, a, index(3)), nil); err != nil {
		t.Fatal(err)
	}
	until(t, "what the other forgot and merged is known as it was", func() bool {
		_, one := b.Lookup(index(1))
		_, ten := b.Lookup(index(10))
		three, known := b.Lookup(index(3))
		_, contacts := b.Counts()
		return !one && !ten && known && three == had[1] && contacts == 1
	})
}

// watched is the database of a keyholder whose memory is looked at before each row
// is read.
type watched struct {
	querier

	look func()
}

func (w watched) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	w.look()
	return w.querier.QueryRowContext(ctx, query, args...)
}

// While a keyholder follows what another changed, nobody who is known is unknown for
// a moment: they would be answered for as nobody.
func TestNobodyIsUnknownWhileItFollows(t *testing.T) {
	a, b := two(t, pgtest.Start(t).Database(t))
	had := mint(t, a, index(1), index(2))
	link(t, a, event.Blinded{}, index(1), index(10))
	b.remembering.Lock() // it does not follow by itself from here on
	defer b.remembering.Unlock()
	if err := b.catchUp(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	if err := b.table.Lead(index(10), must(b.table.Find(index(1)))); err != nil {
		t.Fatal(err)
	}
	update(t, a, contactOf(t, a, index(1)), func(c Contents) error { return c.Unlead(index(10)) })
	if err := a.Merge(t.Context(), contactOf(t, a, index(1)), contactOf(t, a, index(2)), nil); err != nil {
		t.Fatal(err)
	}
	looks := 0
	err := b.catchUp(t.Context(), watched{b.db, func() {
		looks++
		_, one := b.table.Salt(index(1))
		_, two := b.table.Salt(index(2))
		if !one || !two {
			t.Error("somebody is unknown")
		}
	}})
	if err != nil || looks == 0 {
		t.Fatalf("%d looks, %v", looks, err)
	}
	two, known := b.table.Salt(index(2))
	if _, left := b.table.Salt(index(10)); left || !known || two != had[0] {
		t.Error("memory is not as the database is")
	}
	if _, contacts := b.Counts(); contacts != 1 {
		t.Errorf("%d contacts", contacts)
	}
}

func must(slot table.Slot, known bool) table.Slot {
	if !known {
		panic("the contact is not in memory")
	}
	return slot
}

// Both mint the same contacts at once, and agree.
func TestTwoKeyholdersMintAtOnce(t *testing.T) {
	a, b := two(t, pgtest.Start(t).Database(t))
	indexes := make([]keyring.Index, 50)
	for i := range indexes {
		indexes[i] = index(i)
	}
	done := make(chan error, 2)
	for _, v := range []*Vault{a, b} {
		go func() {
			var err error
			for _, i := range indexes {
				err = errors.Join(err, v.Mint(context.Background(), []keyring.Index{i}))
			}
			done <- err
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	of, other := salts(t, a, indexes...), salts(t, b, indexes...)
	for i := range of {
		if of[i] != other[i] {
			t.Fatal("two keyholders made two contacts of one identifier")
		}
	}
}

// A keyholder that is cut off says nothing of anybody after a second, refuses to
// say who is unknown, and goes on by itself when the database is back.
func TestCutOff(t *testing.T) {
	server := pgtest.Start(t)
	proxy := pgtest.NewProxy(t, server)
	address := server.Database(t)
	bed := &bed{cfg: Config{Address: pgtest.Through(t, address, proxy.Address())}, slots: newSlots()}
	t.Cleanup(func() { bed.close(t) })
	v := bed.start(t)
	had := mint(t, v, index(1))[0]
	proxy.Cut()
	until(t, "a keyholder that is cut off still answers", func() bool {
		_, known := v.Lookup(index(1))
		return !known
	})
	if err := v.Load(t.Context(), []keyring.Index{index(1)}); err == nil {
		t.Error("said who is known without asking")
	}
	if err := v.Mint(t.Context(), []keyring.Index{index(1)}); err == nil {
		t.Error("minted without a database")
	}
	proxy.Mend()
	until(t, "it does not come back", func() bool {
		salt, known := v.Lookup(index(1))
		return known && salt == had
	})
}

func TestPostgresRefusals(t *testing.T) {
	const address = "postgres://nobody:canary-secret@127.0.0.1:1/x?sslmode=disable&connect_timeout=1"
	for name, test := range map[string]struct {
		cfg  Config
		want error
	}{
		"an address that cannot be read": {Config{Address: "postgres://canary-secret@:::/"}, ErrAddress},
		"nobody answers":                 {Config{Address: address}, nil},
		"a password of its own":          {Config{Address: address, Password: []byte("canary-secret")}, nil},
		"both":                           {Config{Address: address, Path: "x"}, nil},
		"a password without an address":  {Config{Path: "x", Password: []byte("canary-secret")}, nil},
	} {
		v, err := OpenUnder(t.Context(), test.cfg, newSlots())
		if err == nil {
			t.Errorf("%s: opened; %v", name, v.Close())
			continue
		}
		if test.want != nil && !errors.Is(err, test.want) || strings.Contains(err.Error(), "canary-secret") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	server := pgtest.Start(t)
	bed := &bed{cfg: Config{Address: server.Database(t)}, slots: newSlots()}
	v := bed.start(t)
	mint(t, v, index(1))
	if _, err := v.db.ExecContext(t.Context(), "UPDATE version SET number = 99"); err != nil {
		t.Fatal(err)
	}
	bed.close(t)
	if _, err := OpenUnder(t.Context(), bed.cfg, bed.slots); !errors.Is(err, ErrVersion) {
		t.Errorf("a newer schema: %v", err)
	}
}
