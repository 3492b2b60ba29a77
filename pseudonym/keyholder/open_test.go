package keyholder

import (
	"errors"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/sealed"
)

// TestOpen: what is sealed to the key that Keys hands out comes back over the
// socket, before and after a restart; what cannot be opened is said to be so, and
// so is a contact under a gateway key that nobody knows any more.
func TestOpen(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	keys, err := k.Keys(t.Context())
	if err != nil || len(keys.Sealing.Public) != sealed.KeySize || keys.Sealing.Version == 0 {
		t.Fatalf("%v: a key of %d bytes", err, len(keys.Sealing.Public))
	}
	seal := func(gate uint32, list ...sealed.Identifier) []byte {
		blob, err := sealed.Seal(nil, keys.Sealing.Public, sealed.Identifiers{Gate: gate, List: list})
		if err != nil {
			t.Fatal(err)
		}
		return blob
	}
	gate := keys.Gate[0].Version
	both := []sealed.Identifier{
		{H1: h1(1), Kind: event.KindVisitor}, {H1: h1(2), Old: h1(3), Kind: event.KindEmail, Mint: true},
	}
	blobs := [][]byte{
		seal(gate, both...), seal(gate+1, both...), seal(gate+1, both[0]), []byte("nothing that was sealed"),
	}
	for range 2 {
		got, err := k.Open(t.Context(), blobs)
		if err != nil || len(got) != len(blobs) {
			t.Fatal(err)
		}
		if !got[0].Readable || got[0].Gate != gate || !slices.Equal(got[0].List, both) {
			t.Error("what was sealed did not come back")
		}
		if got[1].Readable || len(got[1].List) != 0 {
			t.Error("a contact under a gateway key that is gone was handed out")
		}
		if !got[2].Readable || len(got[2].List) != 1 {
			t.Error("a visitor does not depend on the gateway key, and was not handed out")
		}
		if got[3].Readable {
			t.Error("what was never sealed was opened")
		}
		if err := k.stop(); err != nil {
			t.Fatal(err)
		}
		k = start(t, dir, socket)
	}
	if got, err := k.Open(t.Context(), slices.Repeat(blobs[:1], 600)); err != nil || len(got) != 600 || !got[599].Readable {
		t.Errorf("many: %v, %d", err, len(got))
	}
	if _, err := k.Open(t.Context(), [][]byte{make([]byte, 1<<20)}); errors.Is(err, pseudonym.ErrAnswer) || err == nil {
		t.Errorf("a blob beyond all limits: %v", err)
	}
}
