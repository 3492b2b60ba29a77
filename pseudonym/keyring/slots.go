package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Slots seals under the versions of the slot key: AES-256-GCM, the nonce first.
// It is safe for concurrent use and prints as [redacted].
type Slots struct {
	keys  atomic.Pointer[slotKeys]
	stale func() bool // whether the keys may have changed
}

type slotKeys struct {
	current uint32
	of      map[uint32]slotKey
}

type slotKey struct {
	aead   cipher.AEAD
	prefix []byte // of what was sealed before layout 3: Tink's, version and id
}

// ErrSlot is returned for what no version of the slot key that there is opens.
var ErrSlot = errors.New("sealed under a slot key that there is not any more, or damaged")

// set takes over the versions of a keyset.
func (s *Slots) set(of *set) error {
	keys := slotKeys{of: make(map[uint32]slotKey)}
	live, err := of.keys(StateMade, StateCurrent, StateOld)
	if err != nil {
		return err
	}
	for _, v := range live {
		block, err := aes.NewCipher(v.key.Reveal())
		if err != nil {
			return fmt.Errorf("slot key: %w", err)
		}
		sealer, err := cipher.NewGCM(block)
		if err != nil {
			return fmt.Errorf("slot key: %w", err)
		}
		m, _ := of.meta(v.id)
		keys.of[v.id] = slotKey{aead: sealer, prefix: binary.BigEndian.AppendUint32([]byte{1}, m.ID)}
		if m.State == StateCurrent {
			keys.current = v.id
		}
	}
	s.keys.Store(&keys)
	return nil
}

// Current returns the version that new things are sealed under.
func (s *Slots) Current() uint32 { return s.keys.Load().current }

// Seal seals under a version.
func (s *Slots) Seal(version uint32, plain, bind []byte) ([]byte, error) {
	if s.stale != nil && s.stale() {
		return nil, ErrStale
	}
	key, ok := s.keys.Load().of[version]
	if !ok {
		return nil, ErrSlot
	}
	size := key.aead.NonceSize()
	out := make([]byte, size, size+len(plain)+key.aead.Overhead())
	if _, err := rand.Read(out); err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	return key.aead.Seal(out, out, plain, bind), nil
}

// Open opens what Seal returned for the same version and binding.
func (s *Slots) Open(version uint32, sealed, bind []byte) ([]byte, error) {
	key, ok := s.keys.Load().of[version]
	if !ok {
		return nil, ErrSlot
	}
	if rest, old := bytes.CutPrefix(sealed, key.prefix); old {
		if plain, err := key.open(rest, bind); err == nil {
			return plain, nil
		}
	}
	return key.open(sealed, bind)
}

func (k slotKey) open(sealed, bind []byte) ([]byte, error) {
	size := k.aead.NonceSize()
	if len(sealed) < size {
		return nil, ErrSlot
	}
	plain, err := k.aead.Open(nil, sealed[:size], sealed[size:], bind)
	if err != nil {
		return nil, ErrSlot
	}
	return plain, nil
}

// Encrypt seals under the current version.
func (s *Slots) Encrypt(plain, bind []byte) ([]byte, error) { return s.Seal(s.Current(), plain, bind) }

// Decrypt opens under whichever version it was.
func (s *Slots) Decrypt(sealed, bind []byte) ([]byte, error) {
	for version := range s.keys.Load().of {
		if plain, err := s.Open(version, sealed, bind); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSlot
}

// Format writes "[redacted]" under every verb.
func (*Slots) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (*Slots) LogValue() slog.Value { return slog.StringValue(redacted) }
