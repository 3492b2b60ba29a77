package rotation

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// TestNothingDestroyedIsRecovered is TestNothingDeletedIsRecovered for cases: neither the
// salt and key of whom one is about, nor the visitor of another, opens on any copy of any
// file after the re-wrap; and no entry of the journal after its month.
func TestNothingDestroyedIsRecovered(t *testing.T) {
	h := newHolder(t)
	h.must(os.Mkdir(filepath.Join(h.dir, "kek"), 0o700))
	h.batch = 7
	h.must(h.open())
	m := newMuseum(t, h.dir, "kek", "keys", "vault")
	h.step = func() error { m.collect(); return nil }
	h.mint(0, 12)
	d := h.deriver()
	id, err := h.vault.Contact(t.Context(), d.Index(numbered(4)))
	d.Release()
	h.must(err)
	h.must(h.vault.Update(t.Context(), id, func(c vault.Contents) error { _, err := c.DEK(); return err }))
	contact, visitor := [16]byte{1}, [16]byte{2}
	_, err = h.vault.OpenCases(t.Context(), []vault.Case{{ID: contact, Contact: id, Opened: h.at}, {ID: visitor, Visitor: event.Blinded{9}, Opened: h.at}})
	h.must(err)
	m.collect()
	entries := h.destroy(t, contact, visitor)
	m.collect()
	h.must(h.vault.CloseCases(t.Context(), [][16]byte{contact, visitor}))
	m.collect()

	journal := func(e vault.Erasure) seek {
		const head = 1 + 4 + 16 // in clear, before what is sealed
		return seek{append([]byte("zgoda erasure "), e.Sealed[:head]...), len(e.Sealed) - head}
	}
	look := func() (salt, dek, h1, entry, other bool) {
		thief := newThief(t, m.exhibits(), h.thiefsKEK(), h.thiefsShred())
		salt, dek = thief.recover(id)
		found := thief.find(seek{append([]byte("zgoda vault case "), visitor[:]...), sealedSize}, journal(entries[0]), journal(entries[1]))
		return salt, dek, found[0], found[1], found[2]
	}
	if salt, dek, h1, entry, other := look(); !salt || !dek || !h1 || !entry || !other {
		t.Fatalf("before the re-wrap the search finds salt %v, key %v, visitor %v, entries %v and %v: it proves nothing", salt, dek, h1, entry, other)
	}
	h.must(h.rotator.Start(t.Context(), Slot, Options{}))
	h.must(h.rotator.Work(t.Context()))
	m.collect()
	if salt, dek, h1, entry, other := look(); salt || dek || h1 || !entry || !other {
		t.Errorf("after the re-wrap it finds salt %v, key %v, visitor %v; entries %v and %v", salt, dek, h1, entry, other)
	}
	h.at = time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)
	h.must(h.rotator.Work(t.Context()))
	m.collect()
	if _, _, _, entry, other := look(); entry || !other {
		t.Errorf("after the first one's month it finds entries %v and %v", entry, other)
	}
}

// destroy destroys two cases, of which the journal keeps the first for this month and the
// second into the next.
func (h *holder) destroy(t *testing.T, first, second [16]byte) []vault.Erasure {
	t.Helper()
	until := map[[16]byte]time.Time{first: h.at.AddDate(0, 0, 10), second: h.at.AddDate(0, 0, 30)}
	keys := map[[16]byte]*keyring.Journal{}
	for id, at := range until {
		var err error
		keys[id], err = h.ring.Journal(t.Context(), at)
		h.must(err)
	}
	entries, err := h.vault.Destroy(t.Context(), [][16]byte{first, second}, func(d *vault.Doomed) (vault.Remains, error) {
		id := d.Case.ID
		return vault.Remains{Erasure: vault.Erasure{At: h.at, Until: until[id], Sealed: keys[id].Seal(id, []byte("whose rows are to go, and which are those"))}}, nil
	})
	h.must(err)
	return entries
}
