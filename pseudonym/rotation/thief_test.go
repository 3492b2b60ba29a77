package rotation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/vault"
)

// thief has a museum of the keyholder's files, knows every format, and may use
// the key-encryption keys that still exist. It is written from docs/format alone,
// not with the keyholder's own code.
type thief struct {
	tb    testing.TB
	kek   kek.Provider
	shred kek.Provider // nil: there is none
	loot  []exhibit

	wrapping []tink.AEAD
	keys     map[string]bool // every raw key that could be had
}

func newThief(tb testing.TB, loot []exhibit, of, shred kek.Provider) *thief {
	tb.Helper()
	t := &thief{tb: tb, kek: of, shred: shred, loot: loot, keys: make(map[string]bool)}
	for _, e := range loot {
		t.unwrap(e.content)
	}
	for _, e := range loot {
		t.openKeyset(e)
	}
	return t
}

// unwrap takes the wrapping key out of a file, if it is one and can be opened.
func (t *thief) unwrap(content []byte) {
	var file struct {
		Format string
		Number uint32
		Under  []struct {
			KEK   string
			Shred bool
			Text  []byte
		}
	}
	if json.Unmarshal(content, &file) != nil || file.Format != "zgoda-wrapping 1" {
		return
	}
	bind := fmt.Appendf(nil, "zgoda wrapping key %d", file.Number)
	for _, under := range file.Under {
		key, err := t.kek.Unwrap(t.tb.Context(), under.Text, bind)
		if err == nil && under.Shred && t.shred != nil {
			key, err = t.shred.Unwrap(t.tb.Context(), key, bind)
		}
		if err != nil {
			continue
		}
		if aead, err := subtle.NewXChaCha20Poly1305(key); err == nil {
			t.wrapping = append(t.wrapping, aead)
		}
	}
}

// openKeyset takes the keys out of a keyset, under whatever name it was kept.
func (t *thief) openKeyset(e exhibit) {
	rest, ok := bytes.CutPrefix(e.content, []byte("zgoda-keyset 3\n"))
	end := bytes.IndexByte(rest, '\n') + 1
	if !ok || end == 0 {
		return
	}
	name, _, _ := strings.Cut(e.name, ".keyset")
	bind := fmt.Appendf(nil, "zgoda keyset %s\n%s", name, rest[:end])
	for _, aead := range t.wrapping {
		handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(rest[end:])), aead, bind)
		if err != nil {
			continue
		}
		for i := range handle.Len() {
			entry, err := handle.Entry(i)
			if err != nil {
				t.tb.Fatal(err)
			}
			switch key := entry.Key().(type) {
			case *aesgcm.Key:
				t.keys[string(key.KeyBytes().Data(insecuresecretdataaccess.Token{}))] = true
			case *hmacprf.Key:
				t.keys[string(key.KeyBytes().Data(insecuresecretdataaccess.Token{}))] = true
			}
		}
	}
}

const (
	sealedSize = 12 + 32 + 16 // nonce, salt or key, tag
	chunkSize  = 4096
)

// recover tries every key at every place of every file of the vault, for the
// salt and for the key of one contact.
func (t *thief) recover(id vault.ContactID) (salt, dek bool) {
	found := t.find(
		seek{binary.BigEndian.AppendUint64([]byte("zgoda vault salt "), uint64(id)), sealedSize},
		seek{binary.BigEndian.AppendUint64([]byte("zgoda vault dek "), uint64(id)), sealedSize},
	)
	return found[0], found[1]
}

// seek is something sealed that is looked for: what it is bound to, and its length with
// nonce and tag, of which chunks overlap by enough.
type seek struct {
	bind []byte
	size int
}

func (t *thief) find(seeks ...seek) []bool {
	longest := 0
	for _, s := range seeks {
		longest = max(longest, s.size)
	}
	chunks := map[string]bool{}
	for _, e := range t.loot {
		if !strings.HasPrefix(e.name, "vault.db") {
			continue
		}
		for from := 0; from < len(e.content); from += chunkSize {
			chunks[string(e.content[from:min(len(e.content), from+chunkSize+longest)])] = true
		}
	}
	var sealers []cipher.AEAD
	for key := range t.keys {
		block, err := aes.NewCipher([]byte(key))
		if err != nil {
			t.tb.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			t.tb.Fatal(err)
		}
		sealers = append(sealers, gcm)
	}
	found := make([]bool, len(seeks))
	zero, plain := make([]byte, 16), make([]byte, 0, longest)
	for chunk := range chunks {
		text := []byte(chunk)
		for at := 0; at+sealedSize <= len(text); at++ {
			if bytes.Equal(text[at:at+16], zero) {
				continue // nothing was ever written there
			}
			for _, s := range sealers {
				for n := range seeks {
					if at+seeks[n].size > len(text) {
						continue
					}
					if _, err := s.Open(plain, text[at:at+12], text[at+12:at+seeks[n].size], seeks[n].bind); err == nil {
						found[n] = true
					}
				}
			}
		}
	}
	return found
}
