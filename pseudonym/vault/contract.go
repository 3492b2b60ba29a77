package vault

import (
	"context"
	"fmt"
	"log/slog"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// ContactID is a contact's number in the vault. It is used once and never again.
type ContactID int64

// Ref names a contact to the holder of a role. It is neither secret nor a
// pseudonym: it is the number under a keyed hash of its own, and leads to
// nothing outside the keyholder.
type Ref [16]byte

// Format writes "[redacted]" under every verb.
func (Ref) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue returns "[redacted]".
func (Ref) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Ref) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Store is the vault of one keyholder, or of several over one database. Every
// change is durable when it returns.
type Store interface {
	// Lookup returns the salt of a known contact, from memory.
	Lookup(index keyring.Index) (keyring.Salt, bool)
	// Load brings into memory what other keyholders of a shared vault made.
	Load(ctx context.Context, indexes []keyring.Index) error
	// Mint makes those of the contacts that are unknown.
	Mint(ctx context.Context, indexes []keyring.Index) error
	// Link makes identifiers lead to one contact.
	Link(ctx context.Context, indexes []keyring.Index, visitor event.Blinded) (Linked, error)
	// Visitors returns the visitors that are kept with a contact.
	Visitors(ctx context.Context, index keyring.Index) ([]event.Blinded, error)

	// Contact returns the number of a contact, or ErrUnknown.
	Contact(ctx context.Context, index keyring.Index) (ContactID, error)
	// Each goes over all contacts in memory, in no order, until yield says no.
	Each(yield func(ContactID, keyring.Salt) bool)
	// Identifiers returns the indexes that lead to a contact.
	Identifiers(ctx context.Context, id ContactID) ([]keyring.Index, error)
	// Update changes the rows of one contact in one transaction.
	Update(ctx context.Context, id ContactID, do func(Contents) error) error
	// View reads the rows of one contact in one transaction.
	View(ctx context.Context, id ContactID, do func(Contents) error) error
	// Merge makes everything of drop lead to keep, and destroys drop's salt and key.
	Merge(ctx context.Context, keep, drop ContactID, reseal func(from, to Contents) error) error
	// Forget destroys a contact's salt, key, identifiers, visitors, data and attachments.
	Forget(ctx context.Context, id ContactID) error

	// Rewrap seals up to limit contacts from a number on under the current slot key.
	Rewrap(ctx context.Context, from ContactID, limit int) (next ContactID, done bool, err error)
	// Reindex gives up to limit identifiers behind an index a new one.
	Reindex(ctx context.Context, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (next keyring.Index, done bool, err error)
	// Progress returns how far something is; nil: nothing is under way.
	Progress(ctx context.Context, name string) ([]byte, error)
	// SetProgress keeps how far something is; nil removes it.
	SetProgress(ctx context.Context, name string, state []byte) error
	// Remaining counts what is still under a version of each key.
	Remaining(ctx context.Context, slot, link, gate uint32) (slots, links, gates uint64, err error)
	// Counts returns how many identifiers lead to how many contacts.
	Counts() (identifiers, contacts int)
	Close() error
}

// Contents are the rows of one contact inside a transaction. What goes in and
// out is sealed by the caller, under DEK.
type Contents interface {
	// DEK returns the contact's own key, opened; the first Update makes it.
	DEK() ([]byte, error)
	Data() ([]Row, error)
	// PutData writes a datum; number 0 makes a new one.
	PutData(row Row) (int64, error)
	DeleteData(id int64) error
	Attachments() ([]Head, error)
	PutHead(h Head) error
	PutChunk(attachment [16]byte, n uint32, sealed []byte) error
	Chunk(attachment [16]byte, n uint32) ([]byte, error)
	DeleteAttachment(id [16]byte) error
	// Lead makes a further identifier lead here, or returns ErrTaken.
	Lead(index keyring.Index) error
	Unlead(index keyring.Index) error
}

// Row is one sealed datum.
type Row struct {
	ID     int64
	Sealed []byte
}

// Head is what is kept of an attachment beside its chunks.
type Head struct {
	ID       [16]byte
	Sealed   []byte
	Bytes    int64
	Complete bool
}

// Slots seals under the versions of the slot key. What the keyring hands out is one.
type Slots interface {
	Current() uint32
	Seal(version uint32, plain, bind []byte) ([]byte, error)
	Open(version uint32, sealed, bind []byte) ([]byte, error)
}
