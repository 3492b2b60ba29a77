package vault

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// fill gives a contact one of everything, and returns its number.
func fill(t *testing.T, v *Vault, n int) ContactID {
	t.Helper()
	link(t, v, event.Blinded{byte(n)}, index(10*n), index(10*n+1))
	id := contactOf(t, v, index(10*n))
	update(t, v, id, func(c Contents) error {
		_, err := c.PutData(Row{Sealed: []byte{byte(n)}})
		a := [16]byte{byte(n)}
		return errors.Join(err, c.PutHead(Head{ID: a, Sealed: []byte("head"), Complete: true}), c.PutChunk(a, 0, []byte("chunk")))
	})
	return id
}

func contractRewrap(t *testing.T, b *bed) {
	v := b.start(t)
	indexes := make([]keyring.Index, 25)
	for i := range indexes {
		indexes[i] = index(100 + i)
	}
	had := mint(t, v, indexes...)
	fill(t, v, 1)
	b.slots.next()
	mint(t, v, index(200)) // is under the new one at once
	if left, _, _, err := v.Remaining(t.Context(), 1, 0, 0); left != 26 || err != nil {
		t.Errorf("%d contacts under the old key, %v", left, err)
	}
	steps := 0
	for from, done := ContactID(0), false; !done; steps++ {
		var err error
		if from, done, err = v.Rewrap(t.Context(), from, 10); err != nil {
			t.Fatal(err)
		}
		if steps == 1 {
			v = b.again(t) // both versions are read
		}
	}
	if steps != 3 {
		t.Errorf("%d steps", steps)
	}
	if left, _, _, err := v.Remaining(t.Context(), 1, 0, 0); left != 0 || err != nil {
		t.Errorf("%d contacts under the old key, %v", left, err)
	}
	b.slots.destroy(1)
	v = b.again(t)
	if !slices.Equal(salts(t, v, indexes...), had) {
		t.Error("the re-wrap changed a salt")
	}
	if got := visitorsOf(t, v, index(11)); len(got) != 1 {
		t.Error("a visitor is gone")
	}
}

func contractReindex(t *testing.T, b *bed) {
	v := b.start(t)
	indexes := make([]keyring.Index, 25)
	for i := range indexes {
		indexes[i] = index(i)
	}
	had := mint(t, v, indexes...)
	to := func(i keyring.Index) keyring.Index { return keyring.Index(sha256.Sum256(i[:])) }
	if err := v.MintUnder(t.Context(), []keyring.Index{to(index(99))}, Made{Link: 2}); err != nil {
		t.Fatal(err)
	}
	rekey := func() {
		var after keyring.Index
		for done := false; !done; {
			var err error
			if after, done, err = v.Reindex(t.Context(), 2, after, 7, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	rekey()
	for range 2 {
		for i, index := range indexes {
			if salt, known := v.Lookup(to(index)); !known || salt != had[i] {
				t.Fatal("an identifier is lost")
			}
			if _, known := v.Lookup(index); known {
				t.Fatal("the old index is known")
			}
		}
		if _, known := v.Lookup(to(index(99))); !known {
			t.Error("what was minted meanwhile is lost")
		}
		v = b.again(t)
		rekey() // changes nothing
	}
	if _, left, _, err := v.Remaining(t.Context(), 0, 1, 0); left != 0 || err != nil {
		t.Errorf("%d identifiers under the old chain, %v", left, err)
	}
	if identifiers, contacts := v.Counts(); identifiers != 26 || contacts != 26 {
		t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
	}
}

func contractRetire(t *testing.T, b *bed) {
	v := b.start(t)
	if err := errors.Join(
		v.MintUnder(t.Context(), []keyring.Index{index(1), index(2)}, Made{Gate: 7}),
		v.Alias(t.Context(), []Pair{{index(1), index(11)}}, Made{Gate: 8}),
	); err != nil {
		t.Fatal(err)
	}
	had := salts(t, v, index(1))
	var after keyring.Index
	for done := false; !done; {
		var err error
		if after, done, err = v.Retire(t.Context(), 7, after, 2); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := salts(t, v, index(11)); got[0] != had[0] {
			t.Error("the contact is another")
		}
		for _, i := range []keyring.Index{index(1), index(2)} {
			if _, known := v.Lookup(i); known {
				t.Error("an identifier of the retired key is known")
			}
		}
		v = b.again(t)
	}
}

func contractProgress(t *testing.T, b *bed) {
	v := b.start(t)
	if state, err := v.Progress(t.Context(), "slot"); state != nil || err != nil {
		t.Errorf("%d bytes, %v", len(state), err)
	}
	if err := errors.Join(v.SetProgress(t.Context(), "slot", []byte("1")), v.SetProgress(t.Context(), "slot", []byte("2")), v.SetProgress(t.Context(), "link", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	v = b.again(t)
	if state, err := v.Progress(t.Context(), "slot"); string(state) != "2" || err != nil {
		t.Errorf("%q, %v", state, err)
	}
	if err := v.SetProgress(t.Context(), "slot", nil); err != nil {
		t.Fatal(err)
	}
	if state, err := v.Progress(t.Context(), "slot"); state != nil || err != nil {
		t.Errorf("%q, %v", state, err)
	}
}

func contractRemaining(t *testing.T, b *bed) {
	v := b.start(t)
	if slots, links, gates, err := v.Remaining(t.Context(), 1, 1, 0); slots+links+gates != 0 || err != nil {
		t.Errorf("%d, %d, %d of nobody, %v", slots, links, gates, err)
	}
	if err := errors.Join(
		v.MintUnder(t.Context(), []keyring.Index{index(1), index(2)}, Made{}),
		v.MintUnder(t.Context(), []keyring.Index{index(3)}, Made{Link: 2, Gate: 4_000_000_000}),
	); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ slot, link, gate, slots, links, gates int }{{1, 1, 0, 3, 2, 2}, {2, 2, 4_000_000_000, 0, 1, 1}} {
		slots, links, gates, err := v.Remaining(t.Context(), uint32(test.slot), uint32(test.link), uint32(test.gate))
		if err != nil || int(slots) != test.slots || int(links) != test.links || int(gates) != test.gates {
			t.Errorf("%+v: %d, %d, %d, %v", test, slots, links, gates, err)
		}
	}
}
