package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// fillerName ends as what Open removes after a crash.
	fillerName = "filler.tmp"
	// fillerStep is what is written for a group without records, about the size
	// of a group of one.
	fillerStep = 512
	fillerSize = 1 << 20
)

// filler is the file that groups without records are written to. Like a segment
// it grows, since a disk takes longer for a file that grows; it is cut off when
// it is large. It holds zeros.
type filler struct {
	file file
	size int64
}

// fill writes one step and waits for the disk. After an error the next one
// begins a new file.
func (f *filler) fill(fs files, dir string) (err error) {
	path := filepath.Join(dir, fillerName)
	if f.file == nil {
		_ = fs.Remove(path) // left by an error
		if f.file, err = fs.Create(path); err != nil {
			f.file = nil
			return fmt.Errorf("create the filler: %w", err)
		}
		f.size = 0
	}
	if f.size >= fillerSize {
		err, f.size = f.file.Truncate(0), 0
	}
	if err == nil {
		_, err = f.file.Write(make([]byte, fillerStep))
	}
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Close()
		f.file = nil
		return fmt.Errorf("write the filler: %w", err)
	}
	f.size += fillerStep
	return nil
}

func (f *filler) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	if err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the filler: %w", err)
	}
	return nil
}
