package keyring

import (
	"context"
	"time"
)

// Key names a key to who looks after the keys: "slot", "link", "gate",
// "purpose-profiling".
type Key string

// Revision counts the writes of one wrapped keyset, so that two keyholders do
// not overwrite each other's.
type Revision uint64

// Shelf is where wrapped keysets are: a folder, or a database.
type Shelf interface {
	// Names lists the keysets whose name begins with prefix.
	Names(ctx context.Context, prefix string) ([]string, error)
	// Read returns a wrapped keyset and its revision, or ErrNoKeyset.
	Read(ctx context.Context, name string) ([]byte, Revision, error)
	// Write replaces a keyset if it still has the revision that is given, else
	// it returns ErrRaced. It is durable when it returns.
	Write(ctx context.Context, name string, wrapped []byte, instead Revision) (Revision, error)
	// Destroy overwrites and removes a keyset, durably.
	Destroy(ctx context.Context, name string) error
}

// Evidence keeps what became of keys. What was recorded is durable when Record
// returns.
type Evidence interface {
	Record(ctx context.Context, e Event) error
}

// Event is one step in the life of a key.
type Event struct {
	Act     string // one of the constants Act...
	Key     string
	Version uint32
	At      time.Time
	Why     string
}

// KeyStatus is the present state of one version of a key.
type KeyStatus struct {
	Key     Key
	Version uint32
	State   string // one of the constants State...
	Made    time.Time
	Until   time.Time // zero: no end is set
	Used    string    // what for
}
