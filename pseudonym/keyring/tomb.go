package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

// Tombstone is one day's key. It marks what was forgotten on that day, so that a
// copy that comes back is known for what it is, until the day's key is destroyed.
type Tombstone struct {
	Name  string // of the key: tomb-20261122
	block cipher.Block
}

// Mark writes what marks an index under the day's key: the CBC-MAC with AES-256 of its
// two blocks, which for messages of one length is as good a keyed hash as an HMAC, and
// costs a tenth. Resolve computes one for every identifier and each day that has any.
func (t *Tombstone) Mark(tag *[16]byte, index *Index) {
	t.block.Encrypt(tag[:], index[:16])
	subtle.XORBytes(tag[:], tag[:], index[16:])
	t.block.Encrypt(tag[:], tag[:])
}

func newTombstone(name string, v version) (Tombstone, error) {
	block, err := aes.NewCipher(v.key.Reveal())
	if err != nil {
		return Tombstone{}, fmt.Errorf("keyset %s: %w", name, err)
	}
	return Tombstone{Name: name, block: block}, nil
}

// Tombstone returns the key of today, which it makes, durably, on first use.
func (r *Ring) Tombstone(ctx context.Context) (Tombstone, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	name := tombName(r.now())
	v, err := r.ensure(ctx, name)
	if err != nil {
		return Tombstone{}, err
	}
	return newTombstone(name, v)
}

// Tombstones returns the keys of all days that there still are.
func (r *Ring) Tombstones(ctx context.Context) ([]Tombstone, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	days, err := r.wraps.names(ctx, tombPrefix)
	if err != nil {
		return nil, err
	}
	var out []Tombstone
	for _, day := range days {
		s, err := r.fetch(ctx, tombPrefix+day)
		if err != nil {
			return nil, err
		}
		v, err := s.current()
		if err != nil {
			return nil, err
		}
		t, err := newTombstone(s.name, v)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}
