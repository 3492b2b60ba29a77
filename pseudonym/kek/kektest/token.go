package kektest

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/pseudonym/kek"
)

// Token is a key-encryption key in memory that several keyholders reach, and that
// destroys its versions.
type Token struct {
	mu   sync.Mutex
	keys []*subtle.XChaCha20Poly1305 // the newest first
}

var _ kek.Renewer = (*Token)(nil)

// NewToken makes one with its first version.
func NewToken(t *testing.T) *Token {
	t.Helper()
	k := &Token{}
	if _, err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// Describe names a token of PKCS#11, whose key is no file.
func (*Token) Describe() string { return "pkcs11:token=test" }

// Close leaves it open for others.
func (*Token) Close() error { return nil }

// Wrap is under the newest version.
func (k *Token) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0].Encrypt(plain, bind)
}

// Unwrap tries all versions that are left.
func (k *Token) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if plain, err := key.Decrypt(wrapped, bind); err == nil {
			return plain, nil
		}
	}
	return nil, kek.ErrWrong
}

// Renew makes a version.
func (k *Token) Renew(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	key, err := subtle.NewXChaCha20Poly1305(raw)
	if err != nil {
		return "", err
	}
	k.keys = append([]*subtle.XChaCha20Poly1305{key}, k.keys...)
	return "newest", nil
}

// Destroy leaves the newest version.
func (k *Token) Destroy(context.Context, string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = k.keys[:1]
	return nil
}
