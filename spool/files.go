package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// files are the calls to the file system on the way to a promise and back, so
// that tests can make them fail.
type files interface {
	Create(path string) (file, error) // fails if the file is there
	Open(path string) (source, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

// file is a file being written.
type file interface {
	Write(p []byte) (int, error)
	Sync() error // the data and the length are on disk when it returns nil
	Truncate(size int64) error
	Reserve(size int64) error // room beyond the end; the length stays
	Close() error
}

// source is a file being read.
type source interface {
	io.ReaderAt
	Size() (int64, error)
	Close() error
}

// disk is the real file system.
type disk struct{}

// diskFile is a real file whose Sync is fdatasync where the system has it.
type diskFile struct{ *os.File }

func (disk) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Open(path string) (source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// Size returns the length.
func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }

func (disk) Remove(path string) error { return os.Remove(path) }

func (disk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}

// replaceFile puts data at path so that a crash leaves the old or the new
// content, never a part.
func replaceFile(fs files, path string, data []byte) error {
	temp := path + ".tmp"
	_ = fs.Remove(temp) // left by a crash
	f, err := fs.Create(temp)
	if err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = fs.Rename(temp, path)
	}
	if err == nil {
		err = fs.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return nil
}
