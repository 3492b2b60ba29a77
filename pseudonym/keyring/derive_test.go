package keyring

import (
	"encoding/hex"
	"sync"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

// fixed is a key of one repeated byte.
func fixed(b byte) version {
	key := make([]byte, 32)
	for i := range key {
		key[i] = b
	}
	return version{id: uint32(b), key: secret.New(key)}
}

func fixedEpoch() *Epoch {
	e := newEpoch(date(2027, 1, 1, 5))
	e.link, e.decoy, e.consent, e.profiling = []version{fixed(1)}, fixed(2), fixed(3), fixed(4)
	e.visitor, e.lasting, e.visitorProfiling = fixed(5), fixed(6), fixed(4)
	e.purposes = []version{fixed(4), fixed(9)}
	e.analytics = []version{fixed(7), fixed(8)} // of 202701 and of 202612
	return e
}

// The vectors were computed apart, with Python's hmac module.
func TestDerivationVectors(t *testing.T) {
	d := fixedEpoch().Deriver()
	var h1 event.Blinded
	for i := range h1 {
		h1[i] = byte(i)
	}
	index := d.Index(h1)
	salt := Salt(h1)
	decoy := d.Decoy(h1)
	visitor, contact := d.Visitor(h1, 202612), d.Contact(salt, 0)
	for name, pair := range map[string][2]string{
		"h2":                {hex.EncodeToString(index[:]), "41aba2df421ea8784e1b1c7b8cee5db547932361bae337615b237f8dea79e059"},
		"decoy":             {hex.EncodeToString(decoy[:]), "dd6ff97730f92be02cfd6823425e50ed546d1e88d8cb45b21bfdf51bb62f5f11"},
		"contact consent":   {hex.EncodeToString(contact.Consent[:]), "a7276682261a29bad04961dfee6f0a98"},
		"contact profiling": {hex.EncodeToString(contact.Profiling[:]), "bc60e7a2e175b80f05268521a5fb6ace"},
		"contact analytics": {hex.EncodeToString(contact.Analytics[:]), "54d33f8c64a9026ef00dc529ad72630e"},
		"visitor consent":   {hex.EncodeToString(visitor.Consent[:]), "096dfa4353d3d9d1536243e420dc3bfe"},
		"visitor profiling": {hex.EncodeToString(visitor.Profiling[:]), "59483571900698b4b9411a4522e434fa"},
		"visitor analytics": {hex.EncodeToString(visitor.Analytics[:]), "4ef0a1252cf9d69b24dc515e3d60038c"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", name, pair[0], pair[1])
		}
	}
	if contact.Period != 202701 || visitor.Period != 202612 || contact.Version != 4 {
		t.Errorf("periods %d and %d, version %d", contact.Period, visitor.Period, contact.Version)
	}
}

func TestDeriverAllocs(t *testing.T) {
	d := fixedEpoch().Deriver()
	if allocs := testing.AllocsPerRun(500, func() {
		d.Visitor(event.Blinded{9}, 0)
		d.Contact(d.Decoy(event.Blinded{9}), 0)
		d.Indexes(event.Blinded{9})
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestReleasedDeriverKeepsNothing(t *testing.T) {
	d := fixedEpoch().Deriver()
	d.Visitor(event.Blinded{9}, 0)
	d.Release()
	if d.in != [32]byte{} || d.out != [32]byte{} {
		t.Error("a released deriver still holds what it derived")
	}
}

func TestDeriversConcurrently(t *testing.T) {
	e := fixedEpoch()
	want := e.Deriver().Visitor(event.Blinded{1}, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				d := e.Deriver()
				d.Contact(d.Decoy(event.Blinded{2}), 0)
				if got := d.Visitor(event.Blinded{1}, 0); got != want {
					t.Error("a concurrent derivation changed a pseudonym")
				}
				d.Release()
			}
		})
	}
	wg.Wait()
}

func BenchmarkDerive(b *testing.B) {
	d := fixedEpoch().Deriver()
	b.Run("visitor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Visitor(event.Blinded{1}, 0)
		}
	})
	b.Run("contact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Contact(d.Decoy(event.Blinded{1}), 0)
			d.Index(event.Blinded{1})
		}
	})
}
