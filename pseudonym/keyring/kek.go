package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"zgoda/pseudonym/kek"
)

// ErrNoKEK is returned when keysets exist and the key that opens them does not.
var ErrNoKEK = fmt.Errorf("%w while keysets exist; restore it from its backup (nothing was made anew)", kek.ErrMissing)

// errOtherKEK is returned for what the key-encryption key does not open.
var errOtherKEK = errors.New("damaged, or wrapped under another key-encryption key")

const kekPrefix = "zgoda-kek-1 "

// fileKEK is the key-encryption key in a file, DIR/kek/kek.key.
type fileKEK struct {
	using sync.Mutex
	file  *keyFile
}

// openKEK returns the provider that is configured, or else the file.
func openKEK(cfg Config, mayMake bool) (kek.Provider, error) {
	if cfg.KEK != nil {
		return cfg.KEK, nil
	}
	path := filepath.Join(cfg.Dir, "kek", "kek.key")
	file, err := openKeyFile(path, kekPrefix, mayMake)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoKEK)
	}
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	return &fileKEK{file: file}, nil
}

// FileURI is what the key-encryption key in a file is described by.
const FileURI = "file:"

// Describe returns the key's URI.
func (*fileKEK) Describe() string { return FileURI }

// Wrap seals under the newest version.
func (k *fileKEK) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	k.using.Lock()
	defer k.using.Unlock()
	return k.file.seal(plain, bind)
}

// Unwrap opens under every version there is.
func (k *fileKEK) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	k.using.Lock()
	defer k.using.Unlock()
	plain, ok := k.file.open(wrapped, bind)
	if !ok {
		return nil, kek.ErrWrong
	}
	return plain, nil
}

// Renew adds a version.
func (k *fileKEK) Renew(context.Context) (string, error) {
	k.using.Lock()
	defer k.using.Unlock()
	if err := k.file.renew(); err != nil {
		return "", err
	}
	return k.file.newest(), nil
}

// Destroy drops the versions before the named one.
func (k *fileKEK) Destroy(_ context.Context, before string) error {
	k.using.Lock()
	defer k.using.Unlock()
	return k.file.destroy(before)
}

// Close does nothing.
func (*fileKEK) Close() error { return nil }

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
