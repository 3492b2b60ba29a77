package calls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read hands out the lines of the entries from a number on, whole ones of what
// was durable when it began. A line that is no entry is handed out as it is, for
// Verify to tell. Lines are valid until do returns.
func (l *Log) Read(from uint64, do func(text []byte) error) error {
	last := l.Seq()
	numbers, err := List(l.cfg.Dir)
	if err != nil {
		return err
	}
	begin := 0
	for i, n := range numbers {
		first := uint64(0)
		err := lines(filepath.Join(l.cfg.Dir, name(n)), func(r *record, _ []byte) (bool, error) {
			if r != nil {
				first = r.Number
			}
			return false, nil
		})
		if err != nil {
			return err
		}
		if first != 0 && first <= from {
			begin = i
		}
	}
	for _, n := range numbers[begin:] {
		err := lines(filepath.Join(l.cfg.Dir, name(n)), func(r *record, text []byte) (bool, error) {
			switch {
			case r != nil && r.Number > last:
				return false, nil
			case r != nil && r.Number < from:
				return true, nil
			default:
				return true, do(text)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lines reads a file's whole lines until do says no more. r is nil for a line
// that is no entry.
func lines(path string, do func(r *record, text []byte) (more bool, err error)) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the log of calls: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	in := bufio.NewReaderSize(file, maxLine)
	for {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil // the rest is not durable yet
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read the log of calls: %w", err)
		}
		var entry *record
		if r, err := decode(text[:len(text)-1]); err == nil {
			entry = &r
		}
		if more, err := do(entry, text); err != nil || !more {
			return err
		}
	}
}
