package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"
	"time"

	"zgoda/pseudonym"
)

// A file is the magic and frames; all numbers are little endian (docs/format/erasure-files.md):
//
//	length  uint32  of what follows the checksum
//	crc     uint32  CRC-32C of it
//	id      16 bytes
//	at      int64   Unix milliseconds
//	until   int64   Unix milliseconds
//	gone    int64   Unix seconds; 0: not known
//	entry   the rest, sealed by the keyholder
const (
	magic    = "zgoda-erasures\x00\x01"
	headSize = 8
	fixed    = 16 + 3*8
	maxEntry = 64 << 20
)

// Errors of a Journal.
var (
	ErrEntry  = errors.New("an entry of the journal of erasures is empty or too long")
	ErrDamage = errors.New("damaged: what follows the first fault is lost here")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(dst []byte, e *pseudonym.SealedErasure) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headSize)...)
	dst = append(dst, e.ID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.At.UnixMilli()))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Until.UnixMilli()))
	gone := int64(0)
	if !e.KeysGone.IsZero() {
		gone = e.KeysGone.Unix()
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(gone))
	dst = append(dst, e.Entry...)
	body := dst[start+headSize:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(body, castagnoli))
	return dst
}

// errShort is returned for a frame whose end is not there.
var errShort = errors.New("cut off")

// readFrame reads the frame at the beginning of b and returns its size.
func readFrame(b []byte) (e pseudonym.SealedErasure, size int, err error) {
	if len(b) < headSize {
		return e, 0, errShort
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n <= fixed || n > fixed+maxEntry {
		return e, 0, ErrDamage
	}
	if len(b) < headSize+n {
		return e, 0, errShort
	}
	body := b[headSize : headSize+n]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return e, 0, ErrDamage
	}
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint64(body[16+8*at:])) }
	e = pseudonym.SealedErasure{ID: [16]byte(body[:16]), At: time.UnixMilli(number(0)).UTC(), Until: time.UnixMilli(number(1)).UTC(), Entry: slices.Clone(body[fixed:])}
	if gone := number(2); gone != 0 {
		e.KeysGone = time.Unix(gone, 0).UTC()
	}
	return e, headSize + n, nil
}

// framed is an entry of a file without its content.
type framed struct {
	id    [16]byte
	at    int
	size  int
	until time.Time
}

// scan finds the entries of a file. whole is how much of it is so: less than all
// without damage is what a crash has cut off.
func scan(raw []byte) (found []framed, whole int, damaged error) {
	if len(raw) < len(magic) {
		if string(raw) == magic[:len(raw)] {
			return nil, 0, nil
		}
		return nil, 0, ErrDamage
	}
	if string(raw[:len(magic)]) != magic {
		return nil, 0, ErrDamage
	}
	for at := len(magic); at < len(raw); {
		e, size, err := readFrame(raw[at:])
		if errors.Is(err, errShort) {
			return found, at, nil
		}
		if err != nil {
			return found, at, err
		}
		found = append(found, framed{e.ID, at, size, e.Until})
		at += size
	}
	return found, len(raw), nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func writeSynced(path string, content []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	return nil
}

func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cut a file: %w", err)
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cut a file: %w", err)
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
