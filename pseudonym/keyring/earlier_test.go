package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// earlier makes a folder as the release before wrapping keys left it: keysets
// wrapped by the key-encryption key itself.
func earlier(t *testing.T, names ...string) (dir string, handles map[string]*keyset.Handle) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "kek"), 0o700))
	must(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	key := bytes.Repeat([]byte{0x5a}, 32)
	write("kek/kek.key", fmt.Sprintf("zgoda-kek-1 %x\n", key))(t, dir)
	kek, err := subtle.NewXChaCha20Poly1305(key)
	must(t, err)
	handles = make(map[string]*keyset.Handle)
	for _, name := range names {
		handle, err := keyset.NewHandle(template(name))
		must(t, err)
		var out bytes.Buffer
		must(t, handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), kek, bind(name)))
		write("keys/"+name+".keyset", out.String())(t, dir)
		handles[name] = handle
	}
	write("keys/layout", layout2)(t, dir)
	return dir, handles
}

// TestKeysOfTheSecondLayoutAreTakenOver: the keys themselves are the same, what
// the slot key sealed opens, and the year's and the month's keys go on.
func TestKeysOfTheSecondLayoutAreTakenOver(t *testing.T) {
	names := append(slices.Clone(second), "visitor-2026", "analytics-202611")
	dir, handles := earlier(t, names...)
	slot, err := handles[nameSlot].Entry(0)
	must(t, err)
	raw, err := rawKey(slot)
	must(t, err)
	sealed := sealAsTink(t, raw, slot.KeyID(), []byte("a salt"), []byte("bound"))
	for range 2 {
		r, _ := open(t, dir, date(2026, 11, 15, 12))
		for _, name := range names {
			entry, err := handles[name].Entry(0)
			must(t, err)
			want, err := rawKey(entry)
			must(t, err)
			got, err := r.sets[name].current()
			must(t, err)
			if !bytes.Equal(got.key.Reveal(), want) {
				t.Errorf("%s is another key now", name)
			}
		}
		if plain, err := r.Slots().Open(1, sealed, []byte("bound")); err != nil || string(plain) != "a salt" {
			t.Errorf("what was sealed before does not open: %v", err)
		}
		g := r.Gateway()
		if g.Visitor.Version != g.Gate[0].Version || !bytes.Equal(g.Visitor.Key.Reveal(), g.Gate[0].Key.Reveal()) {
			t.Error("visitors are blinded under another key than before")
		}
	}
}

// sealAsTink is what Tink's AES-GCM writes: its prefix, nonce, text and tag.
func sealAsTink(t *testing.T, key []byte, id uint32, plain, bind []byte) []byte {
	t.Helper()
	gcm, err := subtle.NewAESGCM(key)
	must(t, err)
	sealed, err := gcm.Encrypt(plain, bind)
	must(t, err)
	return append([]byte{1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, sealed...)
}

// TestTakingOverIsResumed: killed after any of its writes, it goes on.
func TestTakingOverIsResumed(t *testing.T) {
	for n := 0; ; n++ {
		dir, _ := earlier(t, second...)
		left := n
		c := &clock{at: date(2026, 11, 15, 12)}
		wrapShelf = func(s Shelf) Shelf { return &faulty{Shelf: s, left: &left} }
		_, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
		wrapShelf = nil
		if err == nil {
			if n < 10 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		r, _ := open(t, dir, c.at)
		one, contact := derive(t, r, 0)
		again, _ := open(t, dir, c.at)
		if two, same := derive(t, again, 0); one != two || contact != same {
			t.Fatalf("after %d writes: pseudonyms changed", n)
		}
	}
}
