package kek

import (
	"context"
	"crypto/rand"
)

// Passing makes a key-encryption key that is in memory alone. What is wrapped
// under it is closed for good when the process ends, however it ends: it is for
// folders that are thrown away.
func Passing() (Provider, error) {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // it never fails
	v, err := newVersion(raw)
	if err != nil {
		return nil, err
	}
	return passing{v}, nil
}

type passing struct{ version version }

// Describe names it, for the one file that it wraps.
func (passing) Describe() string { return "memory:" }

func (p passing) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	return p.version.aead.Encrypt(plain, bind)
}

func (p passing) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	plain, err := p.version.aead.Decrypt(wrapped, bind)
	if err != nil {
		return nil, ErrWrong
	}
	return plain, nil
}

// Close forgets the key.
func (p passing) Close() error {
	clear(p.version.raw.Reveal())
	return nil
}
