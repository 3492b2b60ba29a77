package person

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

func says(id vault.ContactID, at time.Time, data ...Datum) Said {
	for i := range data {
		data[i].Site, data[i].Source, data[i].Basis, data[i].Seen = "shop", "shop, identify", "profiling", at
	}
	return Said{Contact: id, Data: data}
}

func (h *house) keep(tb testing.TB, said ...Said) SaidCount {
	tb.Helper()
	n, err := h.Keep(tb.Context(), said, ways)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// values are what is kept, by name or kind.
func (h *house) values(tb testing.TB, id vault.ContactID) map[string]string {
	tb.Helper()
	out := map[string]string{}
	for _, d := range h.reveal(tb, id).Data {
		name := d.Name
		if d.Kind != event.KindUnknown {
			name = d.Kind.String()
		}
		if out[name] != "" {
			name += " of " + d.Source
		}
		out[name] = d.Value
	}
	return out
}

// TestKeep: what a contact's events said is kept once, each with its source, the latest
// of each; identifiers only where they lead to the contact already, and an operator's
// data are left alone.
func TestKeep(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		one, two := h.mint(t, "u1"), h.mint(t, "u2")
		h.put(t, one, mail("jana@example.org"), trait("name", "Jana (by phone)"))
		user := Datum{Kind: event.KindUserID, Value: "u1"}
		n := h.keep(t, says(one, began.Add(-time.Hour), user, Datum{Kind: event.KindEmail, Value: "Jana@example.org"},
			Datum{Kind: event.KindPhone, Value: "+421905123456"}, Datum{Name: "name", Value: "Jana"}),
			says(two, began.Add(-time.Hour), Datum{Kind: event.KindEmail, Value: "jana@example.org"}, Datum{Name: "name", Value: "Peter"}))
		if n != (SaidCount{Written: 4, Elsewhere: 2}) {
			t.Errorf("%+v", n)
		}
		if h.of(t, event.KindPhone, "+421905123456") != 0 {
			t.Error("an identifier leads to the contact because an event said it")
		}
		if got := fmt.Sprint(h.values(t, one)); got != fmt.Sprint(map[string]string{
			"user_id": "u1", "email": "jana@example.org", "email of event: shop, identify": "Jana@example.org", "name": "Jana (by phone)", "name of event: shop, identify": "Jana",
		}) {
			t.Error(got)
		}
		if got := fmt.Sprint(h.values(t, two)); got != "map[name:Peter]" {
			t.Error(got)
		}
		before := h.reveal(t, one)
		if d := before.Data[len(before.Data)-1]; d.Source != "event: shop, identify" || d.Basis != "profiling" || !d.Seen.Equal(began.Add(-time.Hour)) {
			t.Error("where it is from is not kept with it")
		}
		// The same again, and what is older: nothing is written.
		if n := h.keep(t, says(one, began.Add(-time.Hour), user, Datum{Name: "name", Value: "Jana"}), says(one, began.Add(-2*time.Hour), Datum{Name: "name", Value: "Jane"})); n != (SaidCount{Same: 2, Older: 1}) {
			t.Errorf("again: %+v", n)
		}
		if now := h.reveal(t, one); now.Revision != before.Revision {
			t.Error("what was said before is written again")
		}
		if n := h.keep(t, says(one, began, Datum{Name: "name", Value: "Jana Nováková"}, Datum{Kind: event.KindEmail, Value: "JANA@example.org"})); n.Written != 2 {
			t.Errorf("something later: %+v", n)
		}
		if got := h.values(t, one); got["name of event: shop, identify"] != "Jana Nováková" || got["name"] != "Jana (by phone)" || len(got) != 5 {
			t.Error(got)
		}
	})
}

// TestKeepOfNobody: nothing is kept of whom the vault does not have, none is made, and
// the others of the batch do not wait for it.
func TestKeepOfNobody(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		one, gone := h.mint(t, "u1"), h.mint(t, "u2")
		damaged := h.mint(t, "u3")
		h.put(t, damaged, trait("a", "b"))
		if err := h.vault.Forget(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		err := h.vault.Update(t.Context(), damaged, func(c vault.Contents) error {
			rows, err := c.Data()
			if err != nil {
				return err
			}
			rows[0].Sealed[20] ^= 1
			_, err = c.PutData(rows[0])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		name := Datum{Name: "name", Value: "Jana"}
		if n := h.keep(t, says(gone, began, name), says(damaged, began, name), says(one, began, name), says(99, began, name)); n != (SaidCount{Written: 1, Unreadable: 1}) {
			t.Errorf("%+v", n)
		}
		if h.of(t, event.KindUserID, "u2") != 0 {
			t.Error("somebody who was forgotten is back")
		}
	})
}

// TestKeepIsBounded: a contact has so many data of its events, whatever they say.
func TestKeepIsBounded(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	var many []Datum
	for i := range MaxSaid + 10 {
		many = append(many, Datum{Name: fmt.Sprint("n", i), Value: "v"})
	}
	if n := h.keep(t, says(id, began.Add(-time.Hour), many...)); n != (SaidCount{Written: MaxSaid, Full: 10}) {
		t.Errorf("%+v", n)
	}
	for name, d := range map[string]Datum{"a control character": {Name: "a", Value: "\x01"}, "no value": {Name: "a"}, "a visitor": {Kind: event.KindVisitor, Value: "v"}} {
		if n := h.keep(t, says(id, began, d)); n != (SaidCount{Unfit: 1}) {
			t.Errorf("%s: %+v", name, n)
		}
	}
	h.put(t, id, trait("by an operator", "still goes"))
	if n := h.keep(t, says(id, began.Add(time.Hour), Datum{Name: "n0", Value: "w"})); n.Written != 1 || !h.reveal(t, id).Data[0].Seen.Equal(began) {
		t.Errorf("a time to come: %+v", n)
	}
}

// TestKeepInAnyOrder: in whatever order and however often what was said arrives, the
// latest of each is there in the end.
func TestKeepInAnyOrder(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	var all []Said
	for i := range 20 {
		all = append(all, says(id, began.Add(-time.Duration(i)*time.Hour), Datum{Name: "city", Value: fmt.Sprint("city ", i)}))
	}
	for range 3 {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, one := range all {
			h.keep(t, one)
		}
		if got := h.reveal(t, id).Data; len(got) != 1 || got[0].Value != "city 0" {
			t.Fatalf("%d data", len(got))
		}
	}
}

// TestKeptIsReblinded: a new gate key finds a contact of whom only events spoke.
func TestKeptIsReblinded(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		ctx := context.WithoutCancel(t.Context())
		if err := h.vault.MintUnder(ctx, []keyring.Index{at(t, 1, event.KindUserID, "u1")}, vault.Made{Link: 1, Gate: 1}); err != nil {
			t.Fatal(err)
		}
		id, err := h.vault.Contact(ctx, at(t, 1, event.KindUserID, "u1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Keep(ctx, []Said{says(id, began, Datum{Kind: event.KindUserID, Value: "u1"})}, under(1)); err != nil {
			t.Fatal(err)
		}
		if n, err := h.Reblind(ctx, 0, 10, 2, under(1, 2)); err != nil || n.Identifiers != 1 {
			t.Fatalf("%+v, %v", n, err)
		}
		if found, err := h.vault.Contact(ctx, at(t, 2, event.KindUserID, "u1")); err != nil || found != id {
			t.Errorf("under the new gate key the contact is not found: %v", err)
		}
	})
}

// TestKeepFails: an error of the vault is told, so that it is tried again.
func TestKeepFails(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	failing := New(failingStore{h.vault}, DefaultLimits(), nil)
	if _, err := failing.Keep(t.Context(), []Said{says(id, began, Datum{Kind: event.KindUserID, Value: "u1"})}, ways); !errors.Is(err, errStore) {
		t.Error(err)
	}
}

var errStore = errors.New("the disk")

type failingStore struct{ store }

func (failingStore) NoteEach(context.Context, []vault.ContactID, func(vault.ContactID, vault.Contents) error) error {
	return errStore
}

func BenchmarkKeep(b *testing.B) {
	h := small(b)
	var said []Said
	for i := range 64 {
		user := fmt.Sprint("u", i)
		said = append(said, says(h.mint(b, user), began, Datum{Kind: event.KindUserID, Value: user}, Datum{Name: "name", Value: "Jana"}, Datum{Name: "email", Value: user + "@example.org"}))
	}
	at := began.Add(-1000 * time.Hour)
	for b.Loop() {
		at = at.Add(time.Hour / 10)
		for i := range said {
			for j := range said[i].Data {
				said[i].Data[j].Seen, said[i].Data[j].Source = at, "shop, identify"
			}
		}
		if _, err := h.Keep(b.Context(), said, ways); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "events/s")
}
