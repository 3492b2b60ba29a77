package keyholder

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"zgoda/pseudonym/secret"
	"zgoda/pseudonym/vault"
)

// refs names contacts to the holders of roles: one block of AES-256 under keyset
// "ref" over a fixed text and the contact's number. So a reference is read back
// without a search, tells nobody else anything, and cannot be made up.
type refs struct{ block cipher.Block }

func newRefs(key secret.Bytes) (refs, error) {
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		return refs{}, fmt.Errorf("key of references: %w", err)
	}
	return refs{block: block}, nil
}

// refText is the first half of every block.
var refText = []byte("contact ")

func (r refs) of(id vault.ContactID) (ref vault.Ref) {
	copy(ref[:], refText)
	binary.BigEndian.PutUint64(ref[8:], uint64(id))
	r.block.Encrypt(ref[:], ref[:])
	return ref
}

// read returns the number behind a reference; false: it is none of ours.
func (r refs) read(ref []byte) (vault.ContactID, bool) {
	if len(ref) != aes.BlockSize {
		return 0, false
	}
	var plain [aes.BlockSize]byte
	r.block.Decrypt(plain[:], ref)
	id := vault.ContactID(binary.BigEndian.Uint64(plain[8:]))
	return id, subtle.ConstantTimeCompare(plain[:8], refText) == 1 && id > 0
}
