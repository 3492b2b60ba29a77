package consent

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// HashText is the SHA-256 of all languages and their texts, each after its length
// in four bytes, in the order of the languages' names: what an entry of the ledger
// names the words by.
func HashText(text map[string]string) [32]byte {
	h := sha256.New()
	for _, lang := range slices.Sorted(maps.Keys(text)) {
		for _, part := range []string{lang, text[lang]} {
			_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash never fails
			h.Write([]byte(part))
		}
	}
	return [32]byte(h.Sum(nil))
}
