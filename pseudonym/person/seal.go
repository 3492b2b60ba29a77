package person

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"zgoda/pseudonym/vault"
)

// bind ties what is sealed to its use and its contact.
func bind(use string, id vault.ContactID) []byte {
	return binary.BigEndian.AppendUint64([]byte("zgoda person "+use+" "), uint64(id))
}

// sealer seals under one contact's key.
type sealer struct {
	aead cipher.AEAD
	id   vault.ContactID
}

func sealerOf(c vault.Contents, id vault.ContactID) (sealer, error) {
	dek, err := c.DEK()
	if err != nil {
		return sealer{}, err
	}
	aead, err := gcm(dek)
	return sealer{aead: aead, id: id}, err
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("a contact's key: %w", err)
	}
	return cipher.NewGCM(block)
}

// seal returns a nonce and the sealed row, which it wipes.
func (s sealer) seal(use string, row []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(row)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	sealed := s.aead.Seal(nonce, nonce, row, bind(use, s.id))
	clear(row)
	return sealed
}

func (s sealer) open(use string, sealed []byte) ([]byte, error) {
	size := s.aead.NonceSize()
	if len(sealed) < size {
		return nil, ErrSealed
	}
	row, err := s.aead.Open(nil, sealed[:size], sealed[size:], bind(use, s.id))
	if err != nil || len(row) < 2 {
		return nil, ErrSealed
	}
	return row, nil
}

// size is that of a datum's row, as it is kept.
func (s sealer) size(d *Datum) int { return s.aead.NonceSize() + len(d.encode()) + s.aead.Overhead() }
