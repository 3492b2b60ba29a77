package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

// Tombstone is one day's key. It marks what was forgotten on that day, so that a
// copy that comes back is known for what it is, until the day's key is destroyed.
type Tombstone struct {
	Name string // of the key: tomb-20261122
	key  secret.Bytes
}

// Tag returns what marks an identifier under the day's key.
func (t Tombstone) Tag(h1 event.Blinded) (tag [16]byte) {
	mac := hmac.New(sha256.New, t.key.Reveal())
	mac.Write(h1[:])
	copy(tag[:], mac.Sum(nil))
	return tag
}

// Tombstone returns the key of today, which it makes, durably, on first use.
func (r *Ring) Tombstone(ctx context.Context) (Tombstone, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	name := tombName(r.now())
	v, err := r.ensure(ctx, name)
	return Tombstone{Name: name, key: v.key}, err
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
		out = append(out, Tombstone{Name: s.name, key: v.key})
	}
	return out, nil
}
