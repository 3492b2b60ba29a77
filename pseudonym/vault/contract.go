package vault

import (
	"context"
	"fmt"
	"log/slog"
	"time"

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

// Made says under which keys an index was made: how many keys the chain of K_link
// had, and which version of K_gate is behind it. It has to be that of the moment
// when the index was computed, else a rotation leaves the row out.
type Made struct {
	Link uint32 // 0: 1, the chain of a vault that was never rotated
	Gate uint32 // 0: not known
}

// Pair is one identifier under an old and the current version of K_gate.
type Pair struct {
	Old keyring.Index
	New keyring.Index
}

// Store is the vault of one keyholder, or of several over one database. Every
// change is durable when it returns.
type Store interface {
	// Lookup returns the salt of a known contact, from memory. Those that it does
	// not know may be known after Load.
	Lookup(index keyring.Index) (keyring.Salt, bool)
	// Load brings into memory what other keyholders of a shared vault made. For a
	// vault that one keyholder has alone it does nothing.
	Load(ctx context.Context, indexes []keyring.Index) error
	// Mint is MintUnder with the zero Made.
	Mint(ctx context.Context, indexes []keyring.Index) error
	// MintUnder makes those of the contacts that are unknown.
	MintUnder(ctx context.Context, indexes []keyring.Index, made Made) error
	// Link is LinkUnder with the zero Made.
	Link(ctx context.Context, indexes []keyring.Index, visitor event.Blinded) (Linked, error)
	// LinkUnder makes identifiers lead to one contact.
	LinkUnder(ctx context.Context, indexes []keyring.Index, visitor event.Blinded, made Made) (Linked, error)
	// Alias makes the new index of each pair lead where the old one leads, if that
	// is known and the new one is not.
	Alias(ctx context.Context, pairs []Pair, made Made) error
	// Visitors returns the visitors that are kept with a contact.
	Visitors(ctx context.Context, index keyring.Index) ([]event.Blinded, error)

	// Contact returns the number of a contact, or ErrUnknown.
	Contact(ctx context.Context, index keyring.Index) (ContactID, error)
	// Salt returns the salt of a contact, or ErrUnknown.
	Salt(ctx context.Context, id ContactID) (keyring.Salt, error)
	// Each goes over all contacts in memory, in no order, until yield says no.
	Each(yield func(ContactID, keyring.Salt) bool)
	// Identifiers returns the indexes that lead to a contact.
	Identifiers(ctx context.Context, id ContactID) ([]keyring.Index, error)
	// Update changes the rows of one contact in one transaction, or returns ErrUnknown.
	Update(ctx context.Context, id ContactID, do func(Contents) error) error
	// UpdateAfter changes the rows of those of the next contacts, by number, that have
	// data: it looks at up to limit contacts above a number, in one transaction.
	UpdateAfter(ctx context.Context, from ContactID, limit int, do func(ContactID, Contents) error) (next ContactID, looked int, err error)
	// UpdateEach changes the rows of several contacts in one transaction, each named
	// once. Those that are not there are passed over.
	UpdateEach(ctx context.Context, ids []ContactID, do func(ContactID, Contents) error) error
	// NoteEach is UpdateEach for what events say: what it replaces may be in a file for
	// Settle after it returned.
	NoteEach(ctx context.Context, ids []ContactID, do func(ContactID, Contents) error) error
	// View reads the rows of one contact in one transaction, or returns ErrUnknown.
	View(ctx context.Context, id ContactID, do func(Contents) error) error
	// Merge makes everything of drop lead to keep, and destroys drop's salt and
	// key. What reseal (nil: nothing) leaves of drop's data and attachments makes
	// it fail with ErrLeft.
	Merge(ctx context.Context, keep, drop ContactID, reseal func(from, to Contents) error) error
	// Merged returns the contacts that others were merged into.
	Merged(ctx context.Context) ([]ContactID, error)
	// Forget destroys a contact's salt, key, identifiers, visitors, data and
	// attachments. It returns ErrUnknown for one who is not there.
	Forget(ctx context.Context, id ContactID) error

	// VisitorsOf returns the visitors that a contact was, in the order of their tags, or
	// ErrUnknown.
	VisitorsOf(ctx context.Context, id ContactID) ([]event.Blinded, error)

	// OpenCases keeps whom requests are about, and returns each case as it is kept.
	OpenCases(ctx context.Context, list []Case) ([]Case, error)
	// Cases returns cases, those that are there.
	Cases(ctx context.Context, ids [][16]byte) ([]Case, error)
	// EachCase goes over all cases.
	EachCase(ctx context.Context, yield func(id [16]byte, opened time.Time) error) error
	// Mergeable returns ErrCase for two contacts of whom an open case is about one.
	Mergeable(ctx context.Context, one, other ContactID) error
	// CloseCases forgets whom requests were about.
	CloseCases(ctx context.Context, ids [][16]byte) error
	// Destroy destroys whom cases are about, and returns the journal's entries, or
	// ErrNoCase.
	Destroy(ctx context.Context, ids [][16]byte, do func(*Doomed) (Remains, error)) ([]Erasure, error)
	// Redestroy destroys contacts that are there again, and puts an entry into the
	// journal.
	Redestroy(ctx context.Context, e Erasure, contacts []ContactID, do func(*Doomed) ([]Tomb, error)) error
	// EachErasure goes over the ids of the journal of erasures.
	EachErasure(ctx context.Context, yield func(id [16]byte) error) error
	// Erasures returns entries of the journal, those that are there.
	Erasures(ctx context.Context, ids [][16]byte) ([]Erasure, error)
	// EndErasures takes entries out of the journal whose time is over.
	EndErasures(ctx context.Context, now time.Time) (ended int64, err error)
	// EachTomb goes over the tombstones behind a cursor.
	EachTomb(ctx context.Context, after int64, yield func(Tomb)) (next int64, err error)
	// EndTombs removes the tombstones of all days but some.
	EndTombs(ctx context.Context, kept []string) error

	// Today is the day for See, counted from 1970 in UTC.
	Today() uint32
	// See notes in memory that a contact is seen on a day.
	See(day uint32, index keyring.Index)
	// WriteSeen writes what See noted.
	WriteSeen(ctx context.Context) error
	// Idle goes over the contacts that were not seen since a day.
	Idle(ctx context.Context, before uint32, yield func(ContactID) bool) error

	// Rewrap seals up to limit contacts whose numbers are above a number under the
	// current slot key.
	Rewrap(ctx context.Context, from ContactID, limit int) (next ContactID, done bool, err error)
	// Reindex looks at about limit identifiers behind a cursor, which begins as the
	// zero index and is what the call before returned, and gives those
	// whose chain is one shorter than link a new one. No index of the shorter chain
	// may be on its way to MintUnder or LinkUnder when it begins. A merge can move
	// identifiers to a contact that was passed: while Remaining counts any at the
	// end, begin again.
	Reindex(ctx context.Context, link uint32, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (next keyring.Index, done bool, err error)
	// Retire looks at about limit identifiers behind a cursor, and removes those
	// that a version of K_gate is behind.
	Retire(ctx context.Context, gate uint32, after keyring.Index, limit int) (next keyring.Index, done bool, err error)
	// Progress returns how far something is; nil: nothing is under way.
	Progress(ctx context.Context, name string) ([]byte, error)
	// SetProgress keeps how far something is; nil removes it.
	SetProgress(ctx context.Context, name string, state []byte) error
	// Remaining counts what is still under a version of each key: contacts sealed
	// under the slot key, identifiers with a chain of that length, and identifiers
	// under that K_gate that no later one stands for.
	Remaining(ctx context.Context, slot, link, gate uint32) (slots, links, gates uint64, err error)
	// Counts returns how many identifiers lead to how many contacts, in memory.
	Counts() (identifiers, contacts int)
	Close() error
}

// Contents are the rows of one contact inside a transaction, and end with it.
// What goes in and out is sealed by the caller, under DEK.
type Contents interface {
	// DEK returns the contact's own key, 32 bytes. An Update makes it if there is
	// none; a View then returns one that nothing is sealed under.
	DEK() ([]byte, error)
	Data() ([]Row, error)
	// PutData writes a datum; number 0 makes a new one. ErrNoRow: it is not there.
	PutData(row Row) (int64, error)
	DeleteData(id int64) error
	Attachments() ([]Head, error)
	// PutHead writes what is kept of an attachment beside its chunks. ErrNoRow:
	// the number is that of another contact's.
	PutHead(h Head) error
	// PutChunk writes a part of an attachment whose head is there, or returns ErrNoRow.
	PutChunk(attachment [16]byte, n uint32, sealed []byte) error
	// Chunk returns a part of an attachment, or ErrNoRow.
	Chunk(attachment [16]byte, n uint32) ([]byte, error)
	DeleteAttachment(id [16]byte) error
	// Lead makes a further identifier lead here, or returns ErrTaken.
	Lead(index keyring.Index, made Made) error
	// Supersede says that a later K_gate stands for an index that leads here. One
	// that does not, or is known to be, stays as it is.
	Supersede(index keyring.Index) error
	// Unlead makes an identifier that leads here lead nowhere, or returns ErrNoRow.
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
