package writer

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"zgoda/spool"
)

const (
	journalMagic   = "zgjourn\n"
	journalVersion = 2
	entrySize      = 40
	firstVersion   = 1 // whose entries end before their time
	firstSize      = 32
)

// entry is a range that may have been sent.
type entry struct {
	spool.Range
	token [16]byte
	at    int64 // Unix seconds: nothing of it was sent before; 0 when that is not known
}

// name returns the deduplication token of the n-th insert of the entry.
func (e *entry) name(n int) string {
	text := hex.EncodeToString(e.token[:])
	if n == 0 {
		return text
	}
	return fmt.Sprintf("%s#%d", text, n)
}

// newEntry draws a token for a range. Tokens are random and not made of positions,
// so that a spool begun anew never meets a token that the store remembers.
func newEntry(r spool.Range, at int64) entry {
	e := entry{Range: r, at: at}
	_, _ = rand.Read(e.token[:]) // never fails (crypto/rand)
	return e
}

// journal is the list of ranges that may have been sent and are not released.
// Each change replaces the file whole and is on disk when it returns.
type journal struct {
	mu      sync.Mutex
	path    string
	entries []entry // in the order of their records
	write   func(path string, data []byte) error
}

// errJournal is returned for a file that is not a journal.
var errJournal = errors.New("the journal is damaged")

// load reads the journal; none is an empty one.
func (j *journal) load() error {
	b, err := os.ReadFile(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	j.entries, err = decodeJournal(b)
	for i := range j.entries {
		if e := &j.entries[i]; e.at == 0 { // by a version that did not write it down
			e.at = time.Now().Unix()
		}
	}
	return err
}

// replace puts others in the place of one entry, none of it to add at the end,
// on disk first.
func (j *journal) replace(old *entry, by ...entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := slices.Clone(j.entries)
	at, end := len(next), len(next)
	if old != nil {
		if at = slices.Index(next, *old); at < 0 {
			return fmt.Errorf("change the journal: %w", errJournal)
		}
		end = at + 1
	}
	next = slices.Replace(next, at, end, by...)
	if err := j.write(j.path, encodeJournal(next)); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.entries = next
	return nil
}

// done forgets the entries of a released range. That is written with the next
// change: a released range that is still in the journal reads as empty.
func (j *journal) done(r spool.Range) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = slices.DeleteFunc(slices.Clone(j.entries), func(e entry) bool { return e.From >= r.From && e.To <= r.To })
}

func encodeJournal(entries []entry) []byte {
	b := append([]byte(nil), journalMagic...)
	b = binary.BigEndian.AppendUint32(b, journalVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	for _, e := range entries {
		b = binary.BigEndian.AppendUint64(b, uint64(e.From))
		b = binary.BigEndian.AppendUint64(b, uint64(e.To))
		b = append(b, e.token[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(e.at))
	}
	return sum(b)
}

// sum appends the checksum.
func sum(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func decodeJournal(b []byte) ([]entry, error) {
	if len(b) < 20 || string(b[:8]) != journalMagic {
		return nil, fmt.Errorf("read the journal: %w", errJournal)
	}
	body, want := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != want {
		return nil, fmt.Errorf("read the journal: checksum: %w", errJournal)
	}
	size := entrySize
	switch v := binary.BigEndian.Uint32(b[8:]); v {
	case journalVersion:
	case firstVersion:
		size = firstSize
	default:
		return nil, fmt.Errorf("read the journal: version %d: %w", v, errJournal)
	}
	n := binary.BigEndian.Uint32(b[12:])
	if body = body[16:]; uint64(len(body)) != uint64(n)*uint64(size) {
		return nil, fmt.Errorf("read the journal: length: %w", errJournal)
	}
	out := make([]entry, n)
	for i := range out {
		at := body[i*size:]
		out[i].From = spool.Position(binary.BigEndian.Uint64(at))
		out[i].To = spool.Position(binary.BigEndian.Uint64(at[8:]))
		copy(out[i].token[:], at[16:])
		if size == entrySize {
			out[i].at = int64(binary.BigEndian.Uint64(at[firstSize:]))
		}
	}
	return out, nil
}

// writeFile replaces a file whole and waits until that is on disk.
func writeFile(path string, data []byte) (err error) {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
