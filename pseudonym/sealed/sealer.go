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

// Set seals to another public key from now on; an empty one ends the sealing. gate
// is the oldest live version of K_gate: the one of whoever does not tell theirs. It
// is set before contacts are blinded under one live key alone, so that none is taken
// for one of another version.
func (s *Sealer) Set(public []byte, gate uint32) {
	if len(public) == 0 {
		s.to.Store(nil)
		return
	}
	s.to.Store(&target{public: append([]byte(nil), public...), gate: gate})
}

// Seal appends the sealed identifiers to dst. A gate of zero is not told.
func (s *Sealer) Seal(dst []byte, ids Identifiers) ([]byte, error) {
	to := s.to.Load()
	if to == nil {
		return dst, ErrNoKey
	}
	if ids.Gate == 0 {
		ids.Gate = to.gate
	}
	return Seal(dst, to.public, ids)
}
