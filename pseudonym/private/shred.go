package private

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// oldSuffix is the end of the name under which a replaced file waits to be
	// overwritten.
	oldSuffix = ".old"
	// goneSuffix is the end of the name under which a file is overwritten: one that
	// is in part must not be met under its own.
	goneSuffix = ".gone" + TmpSuffix
)

// Shred overwrites a file where it lies, has that on the medium, and removes it,
// durably. A file that is not there is no error. Killed at any point it leaves the
// file whole, or nothing of its name; doing it again, or Settle, then ends what it
// had begun.
func Shred(path string) error {
	if strings.HasSuffix(path, TmpSuffix) { // nobody reads it under this name
		return destroy(path)
	}
	gone := path + goneSuffix
	if err := destroy(gone); err != nil { // of an earlier file of the name
		return err
	}
	if err := os.Rename(path, gone); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := SyncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return destroy(gone)
}

// destroy overwrites and removes a file that nobody reads under its name.
func destroy(path string) error {
	if err := overwrite(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("overwrite: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// overwrite writes random bytes over the whole of a file, without making it
// shorter first, which would free its blocks as they are.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = io.CopyN(f, rand.Reader, info.Size())
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Replace writes a file in the place of another, and overwrites that other one.
// Killed at any point it leaves the one or the other at path, whole; Settle then
// ends what it had begun.
func Replace(path string, content []byte) error {
	if err := Settle(path); err != nil {
		return err
	}
	tmp, err := prepare(path, content)
	if err != nil {
		return err
	}
	old, dir := path+oldSuffix, filepath.Dir(path)
	if err := os.Link(path, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, destroy(tmp))
	}
	if err := SyncDir(dir); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	if err := SyncDir(dir); err != nil {
		return err
	}
	return destroy(old)
}

// Settle ends what a killed Replace, WriteFile or Shred of path left: a new file
// that never took its place, a replaced one that was not overwritten, and one that
// was to go. Call it before path is read.
func Settle(path string) error {
	if err := errors.Join(destroy(path+TmpSuffix), destroy(path+goneSuffix)); err != nil {
		return err
	}
	old := path + oldSuffix
	was, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	is, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && os.SameFile(was, is) { // killed before the new one took its place
		if err := os.Remove(old); err != nil {
			return err
		}
		return SyncDir(filepath.Dir(path))
	}
	if err != nil { // path is gone: somebody else's doing, so nothing is destroyed
		return fmt.Errorf("%s is there and %s is not: put it back, or remove it", old, path)
	}
	return destroy(old)
}
