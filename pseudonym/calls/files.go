package calls

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// files are the log's files. One goroutine at a time has them.
type files struct {
	dir     string
	file    *os.File // the newest; nil after Close
	at      uint64   // its number
	size    int64    // of what is known to be on disk
	doubt   bool     // a write failed: more may be there
	damaged bool
	sync    func(dir string) error // nil: syncDir; tests put failures in its place

	number uint64 // of the last entry
	head   Hash
}

const suffix = ".log"

func name(n uint64) string { return fmt.Sprintf("%06d%s", n, suffix) }

// open finds the end of the newest file.
func (f *files) open(dir string) error {
	f.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder of the log of calls: %w", err)
	}
	numbers, err := List(dir)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return f.begin(1)
	}
	last := numbers[len(numbers)-1]
	var size int64
	for _, n := range slices.Backward(numbers) {
		count, whole, err := f.resume(n)
		if err != nil {
			return err
		}
		if n == last {
			size = whole
		}
		if count > 0 {
			break // else the file before has the head
		}
	}
	if f.damaged {
		return f.begin(last + 1)
	}
	return f.reopen(last, size)
}

// resume reads a file and takes over its last entry. It returns how many entries
// there are, and in how many bytes.
func (f *files) resume(n uint64) (count int, size int64, err error) {
	content, err := os.ReadFile(filepath.Join(f.dir, name(n)))
	if err != nil {
		return 0, 0, fmt.Errorf("read the log of calls: %w", err)
	}
	for text := range bytes.Lines(content) {
		if text[len(text)-1] != '\n' {
			break // never answered for
		}
		r, err := decode(text[:len(text)-1])
		if err != nil || count > 0 && (r.prev != f.head || r.Number != f.number+1) {
			f.damaged = true
			return count, size, nil // the log goes on in a new file, and Verify tells where
		}
		f.number, f.head = r.Number, r.hash
		count++
		size += int64(len(text))
	}
	return count, size, nil
}

// reopen goes on in a file, and cuts off what is behind its last whole line.
func (f *files) reopen(n uint64, size int64) (err error) {
	f.file, err = os.OpenFile(filepath.Join(f.dir, name(n)), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the log of calls: %w", err)
	}
	f.at, f.size, f.doubt = n, size, true
	return f.settle()
}

// begin begins a file. The folder's entry of it is on disk when it returns. When
// that fails the file goes again, or the next try would find it in its place.
func (f *files) begin(n uint64) error {
	file, err := os.OpenFile(filepath.Join(f.dir, name(n)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin a file of the log of calls: %w", err)
	}
	if err := f.syncDir(); err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	if f.file != nil {
		err = f.file.Close()
	}
	f.file, f.at, f.size, f.doubt = file, n, 0, false
	return err
}

func (f *files) syncDir() error {
	if f.sync != nil {
		return f.sync(f.dir)
	}
	return syncDir(f.dir)
}

// ready makes the newest file fit to be written to.
func (f *files) ready(limit int64) error {
	if f.file == nil {
		return ErrClosed
	}
	if err := f.settle(); err != nil {
		return err
	}
	if f.size >= limit {
		return f.begin(f.at + 1)
	}
	return nil
}

// settle cuts off what a failed write may have left.
func (f *files) settle() error {
	if !f.doubt {
		return nil
	}
	if err := f.file.Truncate(f.size); err != nil {
		return fmt.Errorf("cut the log of calls: %w", err)
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("sync the log of calls: %w", err)
	}
	f.doubt = false
	return nil
}

// write appends whole lines; they are on disk when it returns nil.
func (f *files) write(out []byte, number uint64, head Hash) error {
	f.doubt = true
	if _, err := f.file.WriteAt(out, f.size); err != nil {
		return fmt.Errorf("write the log of calls: %w", err)
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("sync the log of calls: %w", err)
	}
	f.size += int64(len(out))
	f.number, f.head, f.doubt = number, head, false
	return nil
}

func (f *files) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// List returns the numbers of the files in a folder, in order.
func List(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the log of calls: %w", err)
	}
	var numbers []uint64
	for _, entry := range entries {
		text, ok := strings.CutSuffix(entry.Name(), suffix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil && name(n) == entry.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the folder of the log of calls: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the folder of the log of calls: %w", err)
	}
	return nil
}
