package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// Errors of a vault.
var (
	// ErrNothing is returned for a link of no identifiers.
	ErrNothing = errors.New("no identifier to link")
	// ErrUnknown is returned for an identifier that leads to no contact, and for a
	// number that no contact has.
	ErrUnknown = errors.New("no such contact")
	// ErrNoRow is returned for a row that the contact does not have.
	ErrNoRow = errors.New("the contact has no such row")
	// ErrTaken is returned for an identifier that leads to another contact.
	ErrTaken = errors.New("the identifier leads to another contact")
	// ErrLeft is returned when a merge would lose data.
	ErrLeft = errors.New("data of the contact to be dropped were left")
	// ErrSame is returned for a merge of a contact with itself.
	ErrSame = errors.New("a contact cannot be merged with itself")
	// ErrSalt is returned for a salt or a contact's key that the slot key does not open.
	ErrSalt = errors.New("a contact's salt cannot be opened: the vault is damaged, or the keys are those of another vault")
	// ErrVersion is returned for a vault of a newer release.
	ErrVersion = errors.New("the vault was written by a newer release")
)

// Vault is an open vault. It is safe for concurrent use and prints as [redacted].
type Vault struct {
	db    database
	slots Slots
	table *table.Table
	now   func() time.Time
	news  news // of when contacts were seen

	writing chan struct{} // held by who writes: one transaction at a time
	queue   queue
	log     log

	remembering sync.Mutex // held while memory is made to follow the database
	last        ContactID  // contacts up to this number are in memory
	suspects    []ContactID
	doubt       atomic.Bool // memory lacks suspects, and perhaps contacts above last

	moves    atomic.Uint64 // how often identifiers went elsewhere
	follower *follower     // nil: nobody else writes

	closing sync.Once
	closed  error
}

// database is an open database and its dialect.
type database struct {
	*sql.DB
	dialect
}

// Linked says where identifiers lead after Link.
type Linked struct {
	Contact  keyring.Salt
	Second   keyring.Salt // the other contact, if there is a conflict
	Conflict bool         // they led to two contacts before; those were not merged
}

// Lookup returns the salt of a known contact, from memory.
func (v *Vault) Lookup(index keyring.Index) (keyring.Salt, bool) {
	if !v.believes() {
		return keyring.Salt{}, false
	}
	return v.table.Salt(index)
}

// believes says whether what memory knows is so.
func (v *Vault) believes() bool { return v.follower == nil || v.follower.fresh() }

// Load brings into memory what it lacks of the contacts. Lookup then knows them. An
// error means that nothing may be said of those that Lookup does not know.
func (v *Vault) Load(ctx context.Context, indexes []keyring.Index) error {
	if !v.asks() {
		return nil
	}
	if err := v.load(ctx, indexes); err != nil {
		return fmt.Errorf("load contacts: %w", err)
	}
	return nil
}

func (v *Vault) load(ctx context.Context, indexes []keyring.Index) error {
	if v.follower == nil { // the only connection is shared with who writes
		unlock, err := v.lockWriting(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	}
	v.remembering.Lock()
	defer v.remembering.Unlock()
	if err := v.catchUp(ctx, v.db); err != nil {
		return err
	}
	if v.follower == nil {
		return nil
	}
	unknown := slices.DeleteFunc(slices.Clone(indexes), func(index keyring.Index) bool {
		_, known := v.table.Salt(index)
		return known
	})
	if len(unknown) == 0 {
		return nil
	}
	all, err := v.db.find(ctx, v.db, unknown)
	if err != nil {
		return err
	}
	return v.take(all)
}

// asks says whether what memory does not know may be in the database.
func (v *Vault) asks() bool { return v.db.shared() || v.doubt.Load() }

// Mint is MintUnder with the zero Made: for a vault that was never rotated.
func (v *Vault) Mint(ctx context.Context, indexes []keyring.Index) error {
	return v.MintUnder(ctx, indexes, Made{})
}

// MintUnder makes those of the contacts that are unknown, one for each index. All of
// them are durable, and Lookup finds them, when it returns without an error.
func (v *Vault) MintUnder(ctx context.Context, indexes []keyring.Index, made Made) error {
	if len(indexes) == 0 {
		return nil
	}
	if err := v.submit(ctx, &wish{indexes: indexes, made: made}); err != nil {
		return fmt.Errorf("mint: %w", err)
	}
	return nil
}

// Link is LinkUnder with the zero Made: for a vault that was never rotated.
func (v *Vault) Link(ctx context.Context, indexes []keyring.Index, visitor event.Blinded) (Linked, error) {
	return v.LinkUnder(ctx, indexes, visitor, Made{})
}

// LinkUnder makes the unknown ones of the indexes lead to the contact of the first
// known one, or all of them to a new contact, and keeps the visitor with it
// unless that is zero. Contacts that were known are never merged. It is durable
// when it returns, and doing it again changes nothing.
func (v *Vault) LinkUnder(ctx context.Context, indexes []keyring.Index, visitor event.Blinded, made Made) (Linked, error) {
	if len(indexes) == 0 {
		return Linked{}, ErrNothing
	}
	w := &wish{indexes: indexes, link: true, visitor: visitor, made: made}
	if err := v.submit(ctx, w); err != nil {
		return Linked{}, fmt.Errorf("link: %w", err)
	}
	return w.linked, nil
}

// Alias makes the new index of each pair lead where the old one leads, if that is
// known and the new one is not. It is durable when it returns.
func (v *Vault) Alias(ctx context.Context, pairs []Pair, made Made) error {
	if len(pairs) == 0 {
		return nil
	}
	if err := v.submit(ctx, &wish{pairs: pairs, made: made}); err != nil {
		return fmt.Errorf("alias: %w", err)
	}
	return nil
}

// Visitors returns the visitors that a contact was, in no order.
func (v *Vault) Visitors(ctx context.Context, index keyring.Index) ([]event.Blinded, error) {
	id, err := v.Contact(ctx, index)
	if err != nil {
		return nil, err
	}
	var visitors []event.Blinded
	err = v.View(ctx, id, func(c Contents) error {
		visitors, err = c.(*contents).visitors()
		return err
	})
	return visitors, err
}

// Contact returns the number of the contact that an identifier leads to.
func (v *Vault) Contact(ctx context.Context, index keyring.Index) (ContactID, error) {
	if err := v.Load(ctx, []keyring.Index{index}); err != nil {
		return 0, err
	}
	id, _, known := v.table.Get(index)
	if !known {
		return 0, ErrUnknown
	}
	return ContactID(id), nil
}

// VisitorsOf returns the visitors that a contact was, in the order of their tags, or
// ErrUnknown.
func (v *Vault) VisitorsOf(ctx context.Context, id ContactID) (visitors []event.Blinded, err error) {
	err = v.View(ctx, id, func(c Contents) error {
		visitors, err = c.(*contents).visitors() //nolint:forcetypeassert // View makes nothing else
		return err
	})
	return visitors, err
}

// Salt returns the salt of a contact.
func (v *Vault) Salt(ctx context.Context, id ContactID) (keyring.Salt, error) {
	r, err := readContact(ctx, v.db, id)
	if err != nil {
		return keyring.Salt{}, err
	}
	return v.openSalt(r)
}

// Each goes over all contacts in memory, in no order, until yield says no. What is
// minted meanwhile may be left out, and what another keyholder minted within the
// last second.
func (v *Vault) Each(yield func(ContactID, keyring.Salt) bool) {
	v.table.Each(func(id int64, salt keyring.Salt) bool { return yield(ContactID(id), salt) })
}

// Identifiers returns the indexes that lead to a contact, in no order.
func (v *Vault) Identifiers(ctx context.Context, id ContactID) ([]keyring.Index, error) {
	return readIdentifiers(ctx, v.db, id)
}

// Counts returns the number of identifiers and of contacts in memory.
func (v *Vault) Counts() (identifiers, contacts int) {
	s := v.table.Stats()
	return s.Identifiers, s.Contacts
}

// Memory returns the bytes outside the heap, and how many of them are kept out of
// swap.
func (v *Vault) Memory() (bytes, locked int64) {
	s := v.table.Stats()
	return s.Bytes, s.Locked
}

// Close waits for what is being written and closes the vault. Doing it again does
// nothing.
func (v *Vault) Close() error {
	v.closing.Do(func() {
		if v.follower != nil {
			v.follower.stop()
		}
		v.writing <- struct{}{}
		defer func() { <-v.writing }()
		v.log.close()
		v.remembering.Lock()
		defer v.remembering.Unlock()
		if err := errors.Join(v.db.Close(), v.table.Close()); err != nil {
			v.closed = fmt.Errorf("close the vault: %w", err)
		}
	})
	return v.closed
}

// Format writes "[redacted]" under every verb.
func (*Vault) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue returns "[redacted]".
func (*Vault) LogValue() slog.Value { return slog.StringValue("[redacted]") }
