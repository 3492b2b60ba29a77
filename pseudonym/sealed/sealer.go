package sealed

import (
	"errors"
	"sync/atomic"
)

// Sealer seals to the key that the keyholder last handed out. The zero Sealer has
// none and seals nothing. It is safe for concurrent use.
type Sealer struct{ to atomic.Pointer[target] }

type target struct {
	public []byte
	gate   uint32
}

// ErrNoKey is returned by a Sealer that was given no key.
var ErrNoKey = errors.New("sealed: the keyholder handed out no key to seal to")

// Set seals to another public key from now on; gate is the version of K_gate that
// contacts are blinded under. An empty key ends the sealing.
func (s *Sealer) Set(public []byte, gate uint32) {
	if len(public) == 0 {
		s.to.Store(nil)
		return
	}
	s.to.Store(&target{public: append([]byte(nil), public...), gate: gate})
}

// Seal appends the sealed identifiers to dst.
func (s *Sealer) Seal(dst []byte, list []Identifier) ([]byte, error) {
	to := s.to.Load()
	if to == nil {
		return dst, ErrNoKey
	}
	return Seal(dst, to.public, Identifiers{Gate: to.gate, List: list})
}
