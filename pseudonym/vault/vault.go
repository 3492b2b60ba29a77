package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// ErrNothing is returned for a link of no identifiers.
var ErrNothing = errors.New("no identifier to link")

// ErrUnknown is returned for an identifier that leads to no contact.
var ErrUnknown = errors.New("no such contact")

// Vault is an open vault. It is safe for concurrent use and prints as [redacted].
type Vault struct {
	db     *sql.DB
	sealer Sealer
	table  *table

	writing sync.Mutex // one change at a time; the table follows the file under it
	doubt   bool       // a commit has failed since the start: the file may hold what the table does not
	closing sync.Once
	closed  error
}

// contact is one contact's number and salt.
type contact struct {
	id   int64
	salt keyring.Salt
}

// Linked says where identifiers lead after Link.
type Linked struct {
	Contact  keyring.Salt
	Second   keyring.Salt // the other contact, if there is a conflict
	Conflict bool         // they led to two contacts before; those were not merged
}

// Lookup returns the salt of a known contact, from memory.
func (v *Vault) Lookup(index keyring.Index) (keyring.Salt, bool) { return v.table.salt(index) }

// Mint makes those of the contacts that are unknown, one for each index. All of
// them are durable, and Lookup finds them, when it returns without an error.
func (v *Vault) Mint(ctx context.Context, indexes []keyring.Index) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	var c change
	for _, index := range indexes {
		_, known, err := v.find(ctx, index)
		if err != nil {
			return fmt.Errorf("mint: %w", err)
		}
		if !known && !c.leads(index) {
			c.lead(index, c.contact())
		}
	}
	if err := v.apply(ctx, &c); err != nil {
		return fmt.Errorf("mint: %w", err)
	}
	return nil
}

// Link makes the unknown ones of the indexes lead to the contact of the first
// known one, or all of them to a new contact, and keeps the visitor with it
// unless that is zero. Contacts that were known are never merged. It is durable
// when it returns, and doing it again changes nothing.
func (v *Vault) Link(ctx context.Context, indexes []keyring.Index, visitor event.Blinded) (Linked, error) {
	if len(indexes) == 0 {
		return Linked{}, ErrNothing
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	var c change
	to, second, err := v.plan(ctx, &c, indexes)
	if err != nil {
		return Linked{}, fmt.Errorf("link: %w", err)
	}
	if !visitor.IsZero() {
		if err := v.planVisitor(ctx, &c, to, visitor); err != nil {
			return Linked{}, fmt.Errorf("link: %w", err)
		}
	}
	if err := v.apply(ctx, &c); err != nil {
		return Linked{}, fmt.Errorf("link: %w", err)
	}
	linked := Linked{Contact: v.table.at(c.place(to)).salt}
	if second != nil {
		linked.Second, linked.Conflict = v.table.at(*second).salt, true
	}
	return linked, nil
}

// plan finds where the indexes are to lead, and the second known contact if
// there is one.
func (v *Vault) plan(ctx context.Context, c *change, indexes []keyring.Index) (to target, second *slot, err error) {
	var unknown []keyring.Index
	var first *slot
	for _, index := range indexes {
		at, known, err := v.find(ctx, index)
		switch {
		case err != nil:
			return to, nil, err
		case !known:
			unknown = append(unknown, index)
		case first == nil:
			first = &at
		case at != *first && second == nil:
			second = &at
		}
	}
	if first != nil {
		to = target{known: *first}
	} else {
		to = c.contact()
	}
	for _, index := range unknown {
		if !c.leads(index) {
			c.lead(index, to)
		}
	}
	return to, second, nil
}

// find looks an index up. After a commit whose outcome is not known, the file is
// asked as well, and what it has is taken over.
func (v *Vault) find(ctx context.Context, index keyring.Index) (slot, bool, error) {
	at, known := v.table.find(index)
	if known || !v.doubt {
		return at, known, nil
	}
	return v.adopt(ctx, index)
}

// Visitors returns the visitors that a contact was, in no order.
func (v *Vault) Visitors(ctx context.Context, index keyring.Index) ([]event.Blinded, error) {
	at, known := v.table.find(index)
	if !known {
		return nil, ErrUnknown
	}
	id := v.table.at(at).id
	rows, err := v.db.QueryContext(ctx, "SELECT sealed FROM visitors WHERE contact = $1", id)
	if err != nil {
		return nil, fmt.Errorf("list visitors: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var visitors []event.Blinded
	for rows.Next() {
		var sealed sql.RawBytes
		if err := rows.Scan(&sealed); err != nil {
			return nil, fmt.Errorf("list visitors: %w", err)
		}
		h1, err := v.openVisitor(id, sealed)
		if err != nil {
			return nil, fmt.Errorf("list visitors: %w", err)
		}
		visitors = append(visitors, h1)
	}
	return visitors, rows.Err()
}

// Counts returns the number of identifiers and of contacts.
func (v *Vault) Counts() (identifiers, contacts int) { return v.table.counts() }

// Close closes the file. Doing it again does nothing.
func (v *Vault) Close() error {
	v.closing.Do(func() {
		v.writing.Lock()
		defer v.writing.Unlock()
		if err := v.db.Close(); err != nil {
			v.closed = fmt.Errorf("close the vault: %w", err)
		}
	})
	return v.closed
}

// Format writes "[redacted]" under every verb.
func (*Vault) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue returns "[redacted]".
func (*Vault) LogValue() slog.Value { return slog.StringValue("[redacted]") }
