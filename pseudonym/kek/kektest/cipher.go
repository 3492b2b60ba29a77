package kektest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"sync"
)

var errSealed = errors.New("does not open")

// safe is what a far end keeps: keys by name, each with versions counted from 1.
type safe struct {
	mu   sync.Mutex
	keys map[string][]cipher.AEAD // nil where a version was destroyed
}

func newSafe(names ...string) *safe {
	s := &safe{keys: map[string][]cipher.AEAD{}}
	for _, name := range names {
		s.rotate(name)
	}
	return s
}

func (s *safe) rotate(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	block, _ := aes.NewCipher(raw)
	gcm, _ := cipher.NewGCM(block)
	s.keys[name] = append(s.keys[name], gcm)
}

func (s *safe) latest(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys[name])
}

func (s *safe) destroy(name string, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range min(before-1, len(s.keys[name])) {
		s.keys[name][i] = nil
	}
}

func (s *safe) seal(name string, plain, bind []byte) (version int, sealed []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	version = len(s.keys[name])
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce) // never fails
	return version, s.keys[name][version-1].Seal(nonce, nonce, plain, bind)
}

func (s *safe) open(name string, version int, sealed, bind []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version < 1 || version > len(s.keys[name]) || s.keys[name][version-1] == nil || len(sealed) < 12 {
		return nil, errSealed
	}
	return s.keys[name][version-1].Open(nil, sealed[:12], sealed[12:], bind)
}
