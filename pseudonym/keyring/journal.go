package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	journalPrefix = "journal-"
	// journalAhead is for how many months the keys of the journal are made in advance.
	// What a backup of the keys has, opens what is erased after it was made: so long
	// after it, and kept so long, as this comes to together.
	journalAhead = 14
)

// JournalKept is the longest time for which an entry of the journal of erasures is
// kept.
const JournalKept = 220 * 24 * time.Hour

// Errors of the journal of erasures.
var (
	ErrJournalUntil = errors.New("the journal of erasures keeps an entry for 220 days at most, and until a time to come")
	ErrJournalGone  = errors.New("the key of that month of the journal of erasures is gone")
	ErrJournalEntry = errors.New("an entry of the journal of erasures is damaged")
)

// Journal seals the entries of the journal of erasures that are kept until some time
// of one month. Its key ends with the month. It prints as [redacted].
type Journal struct {
	month uint32
	aead  cipher.AEAD
}

// Format writes "[redacted]" under every verb.
func (*Journal) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// An entry begins with what says how to open it, in clear and bound to the rest.
const (
	journalVersion = 1
	journalHead    = 1 + 4 + 16
)

func monthOf(t time.Time) uint32 { return uint32(periodOf(t.UTC())) }

func journalName(month uint32) string { return fmt.Sprintf("%s%06d", journalPrefix, month) }

// Journal returns what seals entries that are kept until a time. It makes the key,
// durably, if it is not there.
func (r *Ring) Journal(ctx context.Context, until time.Time) (*Journal, error) {
	if now := r.now(); !until.After(now) || until.After(now.Add(JournalKept)) {
		return nil, ErrJournalUntil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	month := monthOf(until)
	v, err := r.ensure(ctx, journalName(month))
	if err != nil {
		return nil, err
	}
	return newJournal(month, v)
}

// JournalOf returns what opens an entry, or ErrJournalGone.
func (r *Ring) JournalOf(ctx context.Context, entry []byte) (*Journal, error) {
	if len(entry) < journalHead || entry[0] != journalVersion {
		return nil, ErrJournalEntry
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	month := binary.BigEndian.Uint32(entry[1:])
	s, err := r.fetch(ctx, journalName(month))
	if isMissing(err) {
		return nil, ErrJournalGone
	}
	if err != nil {
		return nil, err
	}
	v, err := s.current()
	if err != nil {
		return nil, err
	}
	return newJournal(month, v)
}

func newJournal(month uint32, v version) (*Journal, error) {
	block, err := aes.NewCipher(v.key.Reveal())
	if err != nil {
		return nil, fmt.Errorf("key of the journal of erasures: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key of the journal of erasures: %w", err)
	}
	return &Journal{month: month, aead: aead}, nil
}

// Seal returns an entry.
func (j *Journal) Seal(id [16]byte, plain []byte) []byte {
	out := make([]byte, 0, journalHead+j.aead.NonceSize()+len(plain)+j.aead.Overhead())
	out = append(out, journalVersion)
	out = binary.BigEndian.AppendUint32(out, j.month)
	out = append(out, id[:]...)
	nonce := make([]byte, j.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	out = append(out, nonce...)
	return j.aead.Seal(out, nonce, plain, journalBind(out[:journalHead]))
}

// Open returns what an entry of this month holds, or ErrJournalEntry.
func (j *Journal) Open(entry []byte) (plain []byte, err error) {
	n := j.aead.NonceSize()
	if len(entry) < journalHead+n || entry[0] != journalVersion || binary.BigEndian.Uint32(entry[1:]) != j.month {
		return nil, ErrJournalEntry
	}
	plain, err = j.aead.Open(nil, entry[journalHead:journalHead+n], entry[journalHead+n:], journalBind(entry[:journalHead]))
	if err != nil {
		return nil, ErrJournalEntry
	}
	return plain, nil
}

func journalBind(head []byte) []byte { return append([]byte("zgoda erasure "), head...) }

// JournalEntry returns what is in clear of an entry: the month that names its key, and
// its id.
func JournalEntry(entry []byte) (month uint32, id [16]byte, err error) {
	if len(entry) < journalHead || entry[0] != journalVersion {
		return 0, id, ErrJournalEntry
	}
	copy(id[:], entry[5:])
	return binary.BigEndian.Uint32(entry[1:]), id, nil
}

// MakeJournals makes the journal's keys of the months to come, durably, unless they are
// there.
func (r *Ring) MakeJournals(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	names, err := r.wraps.names(ctx, journalPrefix)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[journalPrefix+name] = true
	}
	now := r.now()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for n := range journalAhead + 1 {
		name := journalName(monthOf(first.AddDate(0, n, 0)))
		if there[name] {
			continue
		}
		if _, err := r.ensure(ctx, name); err != nil {
			return fmt.Errorf("make a key of the journal of erasures: %w", err)
		}
	}
	return nil
}
