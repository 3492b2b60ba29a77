package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrOpenToOthers is returned for a secret file or folder that other users of
// the machine can read or change.
var ErrOpenToOthers = errors.New("open to other users")

// ErrTooLarge is returned for a file that is larger than a secret can be.
var ErrTooLarge = errors.New("too large for a secret")

const (
	fileMode  fs.FileMode = 0o600
	dirMode   fs.FileMode = 0o700
	othersAny fs.FileMode = 0o077

	// TmpSuffix is the end of the name of a file that WriteFile has not finished.
	TmpSuffix = ".tmp"

	// maxFile bounds what is read: a keyset of many versions is a few kilobytes.
	maxFile = 1 << 20
)

// MakeDir makes a folder for its owner alone, or checks that an existing one is.
func MakeDir(path string) error {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("check folder: %w", err)
	}
	return check(path, info, dirMode)
}

func check(path string, info fs.FileInfo, want fs.FileMode) error {
	if mode := info.Mode().Perm(); mode&othersAny != 0 {
		return fmt.Errorf("%s is %w (mode %04o): run chmod %04o on it, and take what it holds for known if others had access", path, ErrOpenToOthers, mode, want)
	}
	return nil
}

// ReadFile reads a file that must be its owner's alone, of at most 1 MiB.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if err := check(path, info, fileMode); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s: %w", path, ErrTooLarge)
	}
	return content, nil
}

// Exists says whether there is anything at path; any doubt is an error.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// WriteFile writes a file of the given name, whole or not at all, and returns
// when it would survive a power cut. It replaces a file of that name; the bytes
// of that one stay on the medium (Replace overwrites them).
func WriteFile(path string, content []byte) error {
	tmp, err := prepare(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// prepare writes the file that is to become path, durably, under another name.
func prepare(path string, content []byte) (tmp string, err error) {
	tmp = path + TmpSuffix
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(tmp))
	}
	return tmp, nil
}

// SyncDir makes the entries of a folder durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
