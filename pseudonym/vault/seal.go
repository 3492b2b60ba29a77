package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// bind ties what is sealed to its use and its contact, so that rows cannot be
// swapped in the file.
func bind(use string, id int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("zgoda vault "+use+" "), uint64(id))
}

func (v *Vault) sealSalt(c contact) ([]byte, error) {
	sealed, err := v.sealer.Encrypt(c.salt[:], bind("salt", c.id))
	if err != nil {
		return nil, fmt.Errorf("seal a salt: %w", err)
	}
	return sealed, nil
}

func (v *Vault) openSalt(id int64, sealed []byte) (keyring.Salt, error) {
	salt, err := v.sealer.Decrypt(sealed, bind("salt", id))
	if err != nil || len(salt) != len(keyring.Salt{}) {
		return keyring.Salt{}, ErrSalt
	}
	return keyring.Salt(salt), nil
}

func (v *Vault) sealVisitor(id int64, h1 event.Blinded) ([]byte, error) {
	sealed, err := v.sealer.Encrypt(h1[:], bind("visitor", id))
	if err != nil {
		return nil, fmt.Errorf("seal a visitor: %w", err)
	}
	return sealed, nil
}

func (v *Vault) openVisitor(id int64, sealed []byte) (event.Blinded, error) {
	h1, err := v.sealer.Decrypt(sealed, bind("visitor", id))
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
