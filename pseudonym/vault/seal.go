package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// dekSize is the length of a contact's own key, for AES-256-GCM.
const dekSize = 32

// bind ties what is sealed to its use and its contact, so that rows cannot be
// swapped in the file.
func bind(use string, id ContactID) []byte {
	return binary.BigEndian.AppendUint64([]byte("zgoda vault "+use+" "), uint64(id))
}

// row is a contact as it is stored.
type row struct {
	id   ContactID
	slot uint32
	salt []byte // sealed
	dek  []byte // sealed, or nil
	seen uint32 // day since 1970
}

// sealContact seals a contact under the slot key in force.
func (v *Vault) sealContact(id ContactID, salt keyring.Salt, dek []byte) (row, error) {
	r := row{id: id, slot: v.slots.Current()}
	var err error
	if r.salt, err = v.slots.Seal(r.slot, salt[:], bind("salt", id)); err != nil {
		return row{}, fmt.Errorf("seal a salt: %w", err)
	}
	if dek == nil {
		return r, nil
	}
	if r.dek, err = v.slots.Seal(r.slot, dek, bind("dek", id)); err != nil {
		return row{}, fmt.Errorf("seal a contact's key: %w", err)
	}
	return r, nil
}

func (v *Vault) openSalt(r row) (keyring.Salt, error) {
	salt, err := v.slots.Open(r.slot, r.salt, bind("salt", r.id))
	if err != nil || len(salt) != len(keyring.Salt{}) {
		return keyring.Salt{}, ErrSalt
	}
	defer clear(salt)
	return keyring.Salt(salt), nil
}

// openDEK returns nil for a contact that has no key yet.
func (v *Vault) openDEK(r row) ([]byte, error) {
	if r.dek == nil {
		return nil, nil
	}
	dek, err := v.slots.Open(r.slot, r.dek, bind("dek", r.id))
	if err != nil || len(dek) != dekSize {
		return nil, ErrSalt
	}
	return dek, nil
}

func newDEK() []byte {
	dek := make([]byte, dekSize)
	_, _ = rand.Read(dek) // it never fails
	return dek
}

func newCipher(dek []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(dek)
	if err != nil {
		return nil, fmt.Errorf("a contact's key: %w", err)
	}
	return cipher.NewGCM(block)
}

// sealVisitor is 12 bytes of nonce, the sealed h1 and 16 bytes of tag.
func sealVisitor(dek []byte, id ContactID, h1 event.Blinded) ([]byte, error) {
	aead, err := newCipher(dek)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, aead.NonceSize(), aead.NonceSize()+len(h1)+aead.Overhead())
	_, _ = rand.Read(sealed) // it never fails
	return aead.Seal(sealed, sealed, h1[:], bind("visitor", id)), nil
}

func openVisitor(dek []byte, id ContactID, sealed []byte) (event.Blinded, error) {
	aead, err := newCipher(dek)
	if err != nil || len(sealed) < aead.NonceSize() {
		return event.Blinded{}, ErrSalt
	}
	h1, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], bind("visitor", id))
	if err != nil || len(h1) != len(event.Blinded{}) {
		return event.Blinded{}, ErrSalt
	}
	return event.Blinded(h1), nil
}

// visitorTag finds a visitor among those of one contact. It is keyed with the
// contact's salt: two contacts who were the same visitor do not show it in the
// file, and without the salt it says nothing.
func visitorTag(salt keyring.Salt, h1 event.Blinded) []byte {
	mac := hmac.New(sha256.New, salt[:])
	mac.Write([]byte("zgoda vault visitor"))
	mac.Write(h1[:])
	return mac.Sum(nil)[:16]
}
