package kek

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
)

// shredded puts a key of our own, in a file, under a key that cannot be
// destroyed at our wish: a passphrase is remembered, and AWS and Google keep
// every version of a key for days. What is wrapped opens with both keys
// together, so that overwriting ours ends what was wrapped under both.
type shredded struct {
	Provider

	keys *keyFile
}

// withShred opens the key beside another provider's. Its file's name comes from
// the provider's URI, since during a change there are two.
func withShred(p Provider, dir string, mayMake bool) (*shredded, error) {
	sum := sha256.Sum256([]byte(p.Describe()))
	keys, err := openKeyFile(filepath.Join(dir, "shred-"+hex.EncodeToString(sum[:4])+".key"), shredWord, mayMake)
	if err != nil {
		return nil, err
	}
	return &shredded{Provider: p, keys: keys}, nil
}

// Wrap seals with our key, and then with the other.
func (s *shredded) Wrap(ctx context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	sealed, err := s.keys.seal(plain, bind)
	if err != nil {
		return nil, err
	}
	return s.Provider.Wrap(ctx, sealed, bind)
}

// Unwrap opens both.
func (s *shredded) Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error) {
	sealed, err := s.Provider.Unwrap(ctx, wrapped, bind)
	if err != nil {
		return nil, err
	}
	return s.keys.open(sealed, bind)
}

// Renew makes a new key of our own.
func (s *shredded) Renew(context.Context) (string, error) { return s.keys.renew() }

// Destroy overwrites those of ours that are older than the named one.
func (s *shredded) Destroy(_ context.Context, before string) error { return s.keys.destroy(before) }

// Retire overwrites all that lies in our folder.
func (s *shredded) Retire(ctx context.Context) error {
	var err error
	if r, ok := s.Provider.(Retirer); ok {
		err = r.Retire(ctx)
	}
	return errors.Join(err, (&inFile{keys: s.keys}).Retire(ctx))
}
