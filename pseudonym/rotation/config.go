package rotation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// Config says when what is to be done by itself, and how much at a time.
type Config struct {
	RewrapAt time.Duration // after midnight, UTC
	Look     time.Duration // between two looks for what is due
	Again    time.Duration // after a failure
	Batch    int           // contacts or identifiers in one transaction
	Settle   time.Duration // of several keyholders: until all that was begun under the keys before has ended
}

// DefaultConfig returns the settings that apply where none are given. A batch
// holds the vault for about ten milliseconds.
func DefaultConfig() Config {
	return Config{RewrapAt: 3 * time.Hour, Look: time.Minute, Again: time.Minute, Batch: 1000, Settle: 30 * time.Second}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	if c.RewrapAt < 0 || c.RewrapAt >= 24*time.Hour {
		errs = append(errs, errors.New("rotation.rewrap_at: not a time of day"))
	}
	if c.Look <= 0 || c.Again <= 0 {
		errs = append(errs, errors.New("rotation.look, again: not positive"))
	}
	if c.Batch <= 0 {
		errs = append(errs, errors.New("rotation.batch: not positive"))
	}
	return errors.Join(errs...)
}

// Deps are what the rotator is given.
type Deps struct {
	// OpenKEK opens the key-encryption key that is to be changed to, and makes it
	// if it can be made. nil: it cannot be changed.
	OpenKEK func(ctx context.Context, uri string, passphrase []byte) (kek.Provider, error)
	// Lead says whether this keyholder is the one of several that rotates. nil:
	// there is one.
	Lead func(ctx context.Context) (bool, error)
	// Board has the gateways hold. nil: that of one keyholder, in memory.
	Board Board
	// Reblind re-blinds who can be. nil: nobody can.
	Reblind Reblinder
	Logger  *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
}

// Reblinder makes contacts known under a new version of K_gate by the identifiers
// that are kept of them, which the rotator itself never sees.
type Reblinder interface {
	// Reblind looks at up to limit contacts whose numbers are above a number, in one
	// transaction. Doing it again changes nothing and counts the same.
	Reblind(ctx context.Context, gate uint32, from vault.ContactID, limit int) (Reblinded, error)
}

// Reblinded is what one step of re-blinding came to.
type Reblinded struct {
	Next        vault.ContactID // where the next step begins
	Looked      int             // contacts; fewer than the limit at the end of all
	Identifiers int             // that lead to their contact under the new version
	Taken       int             // that lead to another contact under it
	Unreadable  int             // contacts whose data cannot be opened, and identifiers that are none
}

// store is what the rotator needs of a vault.
type store interface {
	Each(yield func(vault.ContactID, keyring.Salt) bool)
	Rewrap(ctx context.Context, from vault.ContactID, limit int) (next vault.ContactID, done bool, err error)
	Reindex(ctx context.Context, link uint32, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (next keyring.Index, done bool, err error)
	Retire(ctx context.Context, gate uint32, after keyring.Index, limit int) (next keyring.Index, done bool, err error)
	Remaining(ctx context.Context, slot, link, gate uint32) (slots, links, gates uint64, err error)
	Progress(ctx context.Context, name string) ([]byte, error)
	SetProgress(ctx context.Context, name string, state []byte) error
	Counts() (identifiers, contacts int)
	Follow(ctx context.Context) error
}
