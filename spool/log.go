package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Log is a sealed file of records that are kept, not shipped: the format is that
// of a segment. Append returns only after the records are on disk. Its methods
// may be called from any goroutine.
type Log struct {
	dir, suffix string
	key         []byte
	fs          files

	mu     sync.Mutex // over I/O too: nothing fast waits for it
	number uint64
	writer *appender
	path   string // of the file that writer writes
}

// OpenLog prepares a log in dir, whose files end in suffix. A file is begun by
// the first Append; no file of an earlier process is ever written to.
func OpenLog(dir, suffix string, key []byte) (*Log, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("open a sealed log: the key must be %d bytes", keySize)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open a sealed log: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open a sealed log: %w", err)
	}
	l := &Log{dir: dir, suffix: suffix, key: append([]byte(nil), key...), fs: disk{}}
	for _, e := range entries {
		if n, ok := parseSegmentName(strings.TrimSuffix(e.Name(), damagedSuffix), suffix); ok {
			l.number = max(l.number, n)
		}
		if _, ok := parseSegmentName(e.Name(), suffix+".tmp"); ok {
			if err := l.fs.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("remove what a crash left: %w", err)
			}
		}
	}
	return l, nil
}

// Append makes records durable as one group.
func (l *Log) Append(records [][]byte) error {
	var plain []byte
	for _, rec := range records {
		plain = appendRecord(plain, rec)
	}
	if len(plain) > maxPlain || len(records) == 0 {
		return ErrTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.begin(); err != nil {
		return err
	}
	if err := l.writer.append(plain, uint32(len(records)), time.Now()); err != nil {
		l.writer.abandon()
		l.writer = nil
		return err
	}
	return nil
}

// begin makes a file to append to, unless there is one. One that somebody moved
// away or removed meanwhile is no longer written to.
func (l *Log) begin() error {
	if _, err := os.Lstat(l.path); l.writer != nil && errors.Is(err, os.ErrNotExist) {
		_ = l.closeLocked()
	}
	if l.writer != nil {
		return nil
	}
	l.number++
	h := header{number: l.number, created: time.Now().UnixMilli()}
	path := filepath.Join(l.dir, fmt.Sprintf("%016x%s", h.number, l.suffix))
	w, err := create(l.fs, path, h, l.key, 0)
	if err != nil {
		return err
	}
	l.writer, l.path = w, path
	return nil
}

// Size returns how many bytes the log's files hold, those of earlier processes
// included. It may be called at any time.
func (l *Log) Size() (int64, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return 0, fmt.Errorf("size of a sealed log: %w", err)
	}
	var size int64
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), l.suffix) {
			continue
		}
		if info, err := e.Info(); err == nil { // else it went meanwhile
			size += info.Size()
		}
	}
	return size, nil
}

// Close closes the file. Twice is fine.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closeLocked()
}

func (l *Log) closeLocked() error {
	if l.writer == nil {
		return nil
	}
	err := l.writer.file.Close()
	l.writer = nil
	return err
}

// ReadLog yields the records of one file of a log until it ends or yield says
// false. A torn end is an end; damage is a *CorruptError.
func ReadLog(path string, key []byte, yield func(rec []byte) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read a sealed log: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read a sealed log: %w", err)
	}
	r, h, d, err := openFrames(f, info.Size(), key)
	if err != nil {
		return fmt.Errorf("read a sealed log: %w", err)
	}
	if d != DamageNone {
		return &CorruptError{Segment: h.number, Damage: d}
	}
	for {
		_, plain, err := r.next(nil)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return err
		}
		for len(plain) > 0 {
			var rec []byte
			if rec, plain, _ = cutRecord(plain); len(rec) > 0 && !yield(rec) {
				return nil
			}
		}
	}
}
