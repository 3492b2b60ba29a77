package kek

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/private"
	"zgoda/pseudonym/secret"
)

// errForm is returned for a key file that is not one of ours.
var errForm = errors.New("not a key file of ours (expected lines of a word, a space and 64 hexadecimal digits)")

const (
	fileWord = "zgoda-kek-1" // begins each line

	keySize  = 32
	maxLines = 64 // versions that were made and never destroyed
)

// version is one key of a file.
type version struct {
	name string
	raw  secret.Bytes
	aead tink.AEAD
}

func newVersion(raw []byte) (version, error) {
	a, err := subtle.NewXChaCha20Poly1305(raw)
	if err != nil {
		return version{}, errForm
	}
	// The name is in the log; from 256 random bits a hash leads nowhere.
	sum := sha256.Sum256(append([]byte("zgoda kek version"), raw...))
	return version{name: hex.EncodeToString(sum[:8]), raw: secret.New(raw), aead: a}, nil
}

// keyFile is a file of keys, a line each, the newest first. XChaCha20-Poly1305
// has room for random nonces without a count, and no ciphertext names its key:
// there are seldom two of them, and each is tried.
type keyFile struct {
	path string

	mu       sync.Mutex
	versions []version
}

// openKeyFile reads the file, and makes it with one key if mayMake.
func openKeyFile(path string, mayMake bool) (*keyFile, error) {
	if err := private.MakeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := private.Settle(path); err != nil {
		return nil, fmt.Errorf("end what a killed change began: %w", err)
	}
	k := &keyFile{path: path}
	content, err := private.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mayMake:
		if err := k.make(); err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
		return k, private.SyncDir(filepath.Dir(filepath.Dir(path)))
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w; restore it from its backup (nothing was made anew)", path, ErrMissing)
	case err != nil:
		return nil, err
	}
	if k.versions, err = parseLines(string(content)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func (k *keyFile) make() error {
	v, err := randomVersion()
	if err != nil {
		return err
	}
	k.versions = []version{v}
	return private.WriteFile(k.path, text(k.versions))
}

func randomVersion() (version, error) {
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return version{}, err
	}
	return newVersion(raw)
}

func parseLines(content string) ([]version, error) {
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if len(lines) > maxLines {
		return nil, errForm
	}
	out := make([]version, 0, len(lines))
	for _, line := range lines {
		digits, ok := strings.CutPrefix(line, fileWord+" ")
		if !ok {
			return nil, errForm
		}
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != keySize {
			return nil, errForm // not err, which quotes what it could not read
		}
		v, err := newVersion(raw)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func text(versions []version) []byte {
	var out []byte
	for _, v := range versions {
		out = append(out, fileWord+" "...)
		out = hex.AppendEncode(out, v.raw.Reveal())
		out = append(out, '\n')
	}
	return out
}

func (k *keyFile) live() []version {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.versions)
}

func (k *keyFile) seal(plain, bind []byte) ([]byte, error) {
	return k.live()[0].aead.Encrypt(plain, bind)
}

func (k *keyFile) open(sealed, bind []byte) ([]byte, error) {
	for _, v := range k.live() {
		if plain, err := v.aead.Decrypt(sealed, bind); err == nil {
			return plain, nil
		}
	}
	return nil, ErrWrong
}

func (k *keyFile) renew() (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.versions) >= maxLines {
		return "", fmt.Errorf("%s: %d versions wait to be destroyed", k.path, len(k.versions))
	}
	v, err := randomVersion()
	if err != nil {
		return "", err
	}
	return v.name, k.replaceLocked(append([]version{v}, k.versions...))
}

func (k *keyFile) destroy(before string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.versions, func(v version) bool { return v.name == before })
	if at < 0 {
		return fmt.Errorf("destroy the versions before one that is not there: %w", ErrMissing)
	}
	if at == len(k.versions)-1 {
		return nil // none is older
	}
	return k.replaceLocked(slices.Clone(k.versions[:at+1]))
}

// replaceLocked puts a file of other keys in the place of ours, which is
// overwritten: the keys that both have in common stay in the new one alone.
func (k *keyFile) replaceLocked(versions []version) error {
	if err := private.Replace(k.path, text(versions)); err != nil {
		return fmt.Errorf("replace %s: %w", k.path, err)
	}
	k.versions = versions
	return nil
}

// inFile is a key-encryption key in a file of mode 0600.
type inFile struct {
	uri  string
	keys *keyFile
}

// Describe returns the URI.
func (f *inFile) Describe() string { return f.uri }

// Wrap seals with the newest key.
func (f *inFile) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	return f.keys.seal(plain, bind)
}

// Unwrap opens with whichever key made it.
func (f *inFile) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	return f.keys.open(wrapped, bind)
}

// Renew makes a new key and keeps the old ones.
func (f *inFile) Renew(context.Context) (string, error) { return f.keys.renew() }

// Destroy overwrites the keys that are older than the named one.
func (f *inFile) Destroy(_ context.Context, before string) error { return f.keys.destroy(before) }

// Retire overwrites the file and removes it.
func (f *inFile) Retire(context.Context) error { return private.Shred(f.keys.path) }

// Close does nothing: the keys are not held open.
func (f *inFile) Close() error { return nil }
