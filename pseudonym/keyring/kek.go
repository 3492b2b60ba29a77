package keyring

import (
	"context"
	"errors"
	"path/filepath"

	"zgoda/pseudonym/kek"
)

// ErrNoKEK is returned when keysets exist and the key that opens them does not.
var ErrNoKEK = kek.ErrMissing

// errOtherKEK is returned for what the key-encryption key does not open.
var errOtherKEK = errors.New("damaged, or wrapped under another key-encryption key")

// FileURI is what the key-encryption key in a file is described by.
const FileURI = "file:"

// openKEK returns the provider that is configured, or else the file.
func openKEK(ctx context.Context, cfg Config, mayMake bool) (kek.Provider, error) {
	if cfg.KEK != nil {
		return cfg.KEK, nil
	}
	return kek.Open(ctx, kek.Config{URI: FileURI, Dir: filepath.Join(cfg.Dir, "kek"), MayMake: mayMake})
}

// asAEAD lets a provider wrap Tink keysets, as it did before there were
// wrapping keys.
type asAEAD struct {
	ctx      context.Context //nolint:containedctx // Tink's interface has no place for one
	provider kek.Provider
}

// Encrypt wraps.
func (a asAEAD) Encrypt(plain, bind []byte) ([]byte, error) {
	return a.provider.Wrap(a.ctx, plain, bind)
}

// Decrypt unwraps.
func (a asAEAD) Decrypt(wrapped, bind []byte) ([]byte, error) {
	return a.provider.Unwrap(a.ctx, wrapped, bind)
}
