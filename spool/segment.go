package spool

import (
	"crypto/cipher"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Names in the spool's folder.
const (
	segmentSuffix = ".seg"
	damagedSuffix = ".damaged"
	markName      = "released"
	lockName      = "lock"
)

// segment is what is known of a segment on disk. Spool.mu guards the numbers.
type segment struct {
	number  uint64
	path    string
	size    int64  // trusted bytes
	records uint32 // in the trusted bytes
	bad     bool   // damage was found in it while it was being read
}

// end returns the position behind the last record.
func (g *segment) end() Position { return position(g.number, g.records) }

// start returns the position of the first record.
func (g *segment) start() Position { return position(g.number, 0) }

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", number, segmentSuffix))
}

// parseSegmentName reads the number out of a file name that ends in suffix.
func parseSegmentName(name, suffix string) (uint64, bool) {
	text, ok := strings.CutSuffix(name, suffix)
	if !ok || len(text) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 16, 32) // a position has 32 bits for it
	return n, err == nil && n > 0
}

// appender writes one segment. One goroutine owns it.
type appender struct {
	file    file
	aead    cipher.AEAD
	counter uint64
	size    int64
	buf     []byte
}

// create makes a new segment whose header is on disk when it returns. Room is
// reserved, so that a full disk is met here rather than halfway through a group;
// the length grows with the groups, since it tells a torn one from a damaged one.
func create(fs files, path string, h header, key []byte, room int64) (*appender, error) {
	if err := h.newSalt(); err != nil {
		return nil, err
	}
	b, aead, err := h.encode(key)
	if err != nil {
		return nil, err
	}
	f, err := fs.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create segment %d: %w", h.number, err)
	}
	if room > 0 {
		err = f.Reserve(room)
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fs.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = f.Close()
		_ = fs.Remove(path)
		return nil, fmt.Errorf("create segment %d: %w", h.number, err)
	}
	return &appender{file: f, aead: aead, size: headerSize}, nil
}

// append seals a group, writes it and waits for the disk. After an error the
// appender is spent: a file whose fdatasync failed once is never trusted again.
func (a *appender) append(plain []byte, records uint32, at time.Time) error {
	f := frame{records: records, counter: a.counter, time: at.UnixMilli()}
	a.buf = sealFrame(a.buf[:0], a.aead, f, plain)
	if _, err := a.file.Write(a.buf); err != nil {
		return fmt.Errorf("write a group: %w", err)
	}
	if err := a.file.Sync(); err != nil {
		return fmt.Errorf("sync a group: %w", err)
	}
	a.size += int64(len(a.buf))
	a.counter++
	if cap(a.buf) > keepBuffer {
		a.buf = nil
	}
	return nil
}

// finish gives back the room that was not used and closes the file. Every group
// in it is on disk already.
func (a *appender) finish() {
	_ = a.file.Truncate(a.size)
	_ = a.file.Close()
}

// abandon cuts off what a failed append may have left and closes the file.
func (a *appender) abandon() {
	if a.file.Truncate(a.size) == nil {
		_ = a.file.Sync()
	}
	_ = a.file.Close()
}

// keepBuffer is the capacity up to which buffers are kept for the next group.
const keepBuffer = 4 << 20
