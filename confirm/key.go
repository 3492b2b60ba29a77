package confirm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keySize = 32

// ErrKey is returned for a key file that others may read, or that is damaged.
var ErrKey = errors.New("the key of the links must be a file of mode 0600 with 32 bytes; without it, remove it: links that are out then stop working")

// OpenKey reads the key that signs links, or makes it. Nodes that share a control
// store must have the same one.
func OpenKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the links' key: %w", err)
	}
	made := make([]byte, keySize)
	_, _ = rand.Read(made) // never fails
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("make the links' key: %w", err)
	}
	_, err = f.Write(made)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write the links' key: %w", errors.Join(err, os.Remove(path)))
	}
	return made, nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the links' key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() != keySize {
		return nil, ErrKey
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the links' key: %w", err)
	}
	if len(key) != keySize {
		return nil, ErrKey
	}
	return key, nil
}
