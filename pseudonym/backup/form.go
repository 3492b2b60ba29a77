package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"time"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// format is the first line's name for what follows, one JSON value a line.
const format = "zgoda-keybackup 1"

// line is one line of a backup. One of the fields is set.
type line struct {
	Head *head             `json:"head,omitempty"`
	Keys *keyring.Exported `json:"keys,omitempty"`
	Row  *vault.Dumped     `json:"row,omitempty"`
	End  *Told             `json:"end,omitempty"`
}

type head struct {
	Format string    `json:"format"`
	At     time.Time `json:"at"` // what was erased later is still in it
}

// Told is what a backup says of itself in its last line.
type Told struct {
	At          time.Time `json:"at"`
	Contacts    uint64    `json:"contacts"`
	Identifiers uint64    `json:"identifiers"`
	Rows        uint64    `json:"rows"`   // lines about the vault
	Digest      string    `json:"digest"` // of every contact's pseudonyms, in the order of the contacts
}

// Errors of backups.
var (
	ErrRecipient = errors.New("not an age recipient (age1...)")
	ErrChanged   = errors.New("keys changed, or identifiers moved, while the backup was made: make it again")
	ErrDamaged   = errors.New("no whole backup: damaged, cut short, or of another format")
	ErrDiffers   = errors.New("what was restored is not what was backed up")
)

// tally counts what passes, and takes the digest of the contacts' pseudonyms: the
// profiling and the consent one, which last.
type tally struct {
	epoch *keyring.Epoch
	sum   hash.Hash
	told  Told
}

func newTally(ring *keyring.Ring) (*tally, error) {
	epoch, err := ring.Epoch()
	if err != nil {
		return nil, err
	}
	return &tally{epoch: epoch, sum: sha256.New()}, nil
}

func (t *tally) add(d vault.Dumped) {
	t.told.Rows++
	if d.Contact == nil {
		return
	}
	t.told.Contacts++
	t.told.Identifiers += uint64(len(d.Contact.Identifiers))
	deriver := t.epoch.Deriver()
	defer deriver.Release()
	h := deriver.Contact(keyring.Salt(d.Contact.Salt), 0)
	t.sum.Write(h.Consent[:])
	t.sum.Write(h.Profiling[:])
}

// end returns the counts. The digest tells nobody anything who does not have
// every pseudonym.
func (t *tally) end() Told {
	told := t.told
	told.Digest = hex.EncodeToString(t.sum.Sum(nil))
	return told
}

// dumper is a vault that can be read from end to end.
type dumper interface {
	Dump(ctx context.Context, yield func(vault.Dumped) error) error
}
