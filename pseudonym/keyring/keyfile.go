package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	keySize   = 32
	endSuffix = ".end" // of a file that is to be overwritten
)

// errKeyForm is returned for a key file that is not one of ours.
var errKeyForm = errors.New("not a key file of this program (expected lines of a name and 64 hexadecimal digits)")

// keyFile is a file of its own with one key, or for the length of a renewal with
// several versions of it, the newest first. A version that is dropped is gone
// from the medium as far as a program can see to that: the file that held it is
// overwritten before its name goes.
type keyFile struct {
	path   string
	prefix string // what each line begins with
	keys   []fileKey
}

// fileKey is one version. Its name tells nothing of the key.
type fileKey struct {
	name string
	line []byte
	aead tink.AEAD
}

// openKeyFile reads a key file. It makes one only if mayMake; else a missing one
// is fs.ErrNotExist.
func openKeyFile(path, prefix string, mayMake bool) (*keyFile, error) {
	f := &keyFile{path: path, prefix: prefix}
	if err := MakePrivateDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	content, err := readPrivate(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mayMake:
		return f, errors.Join(f.renew(), syncDir(filepath.Dir(filepath.Dir(path))))
	case err != nil:
		return nil, err
	}
	for line := range bytes.Lines(content) {
		key, err := f.parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		f.keys = append(f.keys, key)
	}
	if len(f.keys) == 0 {
		return nil, fmt.Errorf("%s: %w", path, errKeyForm)
	}
	return f, f.finish()
}

func (f *keyFile) parse(line []byte) (fileKey, error) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), f.prefix)
	if !ok {
		return fileKey{}, errKeyForm
	}
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != keySize {
		return fileKey{}, errKeyForm // not err, which quotes what it could not read
	}
	return f.of(key)
}

func (f *keyFile) of(key []byte) (fileKey, error) {
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return fileKey{}, fmt.Errorf("use a key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("zgoda name of a key "), key...))
	line := fmt.Appendf(nil, "%s%x\n", f.prefix, key)
	return fileKey{name: hex.EncodeToString(sum[:8]), line: line, aead: aead}, nil
}

// renew puts a new version before the others, durably.
func (f *keyFile) renew() error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	fresh, err := f.of(key)
	if err != nil {
		return err
	}
	return f.write(append([]fileKey{fresh}, f.keys...))
}

// newest returns the name of the version that seals.
func (f *keyFile) newest() string { return f.keys[0].name }

// destroy drops every version that is older than the named one.
func (f *keyFile) destroy(before string) error {
	for i, key := range f.keys {
		if key.name == before {
			return f.write(f.keys[:i+1])
		}
	}
	return fmt.Errorf("destroy old versions of %s: no such version", filepath.Base(f.path))
}

// write replaces the file. What it held is kept under another name until it has
// been overwritten, so that a crash in between leaves nothing that cannot be
// found again.
func (f *keyFile) write(keys []fileKey) error {
	var content []byte
	for _, key := range keys {
		content = append(content, key.line...)
	}
	if err := f.finish(); err != nil {
		return err
	}
	if err := os.Link(f.path, f.path+endSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep a key file for its end: %w", err)
	}
	if err := writeDurable(f.path, content); err != nil {
		return fmt.Errorf("write a key file: %w", err)
	}
	f.keys = keys
	return f.finish()
}

// finish overwrites what an earlier write replaced, or did not bring to its end.
func (f *keyFile) finish() error {
	if err := overwrite(f.path + tmpSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	there, err := exists(f.path + endSuffix)
	if err != nil || !there {
		return err
	}
	one, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	two, err := os.Stat(f.path + endSuffix)
	if err != nil {
		return err
	}
	if os.SameFile(one, two) { // killed before it was replaced
		return os.Remove(f.path + endSuffix)
	}
	return overwrite(f.path + endSuffix)
}

func (f *keyFile) seal(plain, bind []byte) ([]byte, error) {
	return f.keys[0].aead.Encrypt(plain, bind)
}

// open tries every version.
func (f *keyFile) open(sealed, bind []byte) ([]byte, bool) {
	for _, key := range f.keys {
		if plain, err := key.aead.Decrypt(sealed, bind); err == nil {
			return plain, true
		}
	}
	return nil, false
}
