package person

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// store is what is needed of a vault.
type store interface {
	Contact(ctx context.Context, index keyring.Index) (vault.ContactID, error)
	Identifiers(ctx context.Context, id vault.ContactID) ([]keyring.Index, error)
	Update(ctx context.Context, id vault.ContactID, do func(vault.Contents) error) error
	NoteEach(ctx context.Context, ids []vault.ContactID, do func(vault.ContactID, vault.Contents) error) error
	View(ctx context.Context, id vault.ContactID, do func(vault.Contents) error) error
	UpdateAfter(ctx context.Context, from vault.ContactID, limit int, do func(vault.ContactID, vault.Contents) error) (next vault.ContactID, looked int, err error)
	Merge(ctx context.Context, keep, drop vault.ContactID, reseal func(from, to vault.Contents) error) error
}

// Way is one index by which an identifier leads to its contact.
type Way struct {
	Index keyring.Index
	Made  vault.Made
	Old   bool // a rotation takes such indexes away: it is looked for, and not made
}

// Ways computes the indexes of an identifier, or returns an error if the value is
// none of its kind. The keys must stay in force until the call it was given to
// has returned.
type Ways func(site event.SiteID, kind event.IdentifierKind, value string) ([]Way, error)

// Limits bound documents, in bytes.
type Limits struct {
	Document  int64 // one
	Documents int64 // all of a contact
}

// DefaultLimits returns the limits that apply where none are given.
func DefaultLimits() Limits { return Limits{Document: 16 << 20, Documents: 256 << 20} }

// People keeps what is personal of the contacts of a vault. It is safe for
// concurrent use.
type People struct {
	store  store
	limits Limits
	now    func() time.Time

	changing sync.Mutex // held by who changes data: the last identifier stays
}

// New makes a keeper over a vault. now may be nil.
func New(s store, l Limits, now func() time.Time) *People {
	if now == nil {
		now = time.Now
	}
	return &People{store: s, limits: l, now: now}
}

// Revealed is what is kept of a contact.
type Revealed struct {
	Data      []Datum
	Documents []Document
	Revision  uint64 // another one after every change of the data
}

// Reveal opens everything that is kept of a contact but the documents themselves.
func (p *People) Reveal(ctx context.Context, id vault.ContactID) (out Revealed, err error) {
	err = p.store.View(ctx, id, func(c vault.Contents) error {
		k, err := open(c, id)
		if err != nil {
			return err
		}
		out.Data, out.Revision = k.data, k.revision
		out.Documents, err = k.documents()
		return err
	})
	return out, err
}

// Past returns the pseudonyms of the contacts that were merged into this one.
func (p *People) Past(ctx context.Context, id vault.ContactID) (past []Past, err error) {
	err = p.store.View(ctx, id, func(c vault.Contents) error {
		k, err := open(c, id)
		past = k.past
		return err
	})
	return past, err
}

// PastOf is Past within a transaction.
func PastOf(c vault.Contents, id vault.ContactID) ([]Past, error) {
	k, err := open(c, id)
	if err != nil {
		return nil, err
	}
	return k.past, nil
}

// kept are the open rows of a contact, within a transaction.
type kept struct {
	vault.Contents

	sealer   sealer
	data     []Datum
	past     []Past
	rows     []int64 // of past
	bytes    int     // of all rows, sealed
	revision uint64
}

func open(c vault.Contents, id vault.ContactID) (*kept, error) {
	rows, err := c.Data()
	if err != nil {
		return nil, err
	}
	k := &kept{Contents: c}
	if k.sealer, err = sealerOf(c, id); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := k.take(row); err != nil {
			return nil, err
		}
	}
	k.revision = revisionOf(rows)
	return k, nil
}

func (k *kept) take(row vault.Row) error {
	plain, err := k.sealer.open("datum", row.Sealed)
	if err != nil {
		return err
	}
	defer clear(plain)
	k.bytes += len(row.Sealed)
	if plain[1] == codePast {
		past, err := decodePast(plain)
		if err != nil {
			return ErrSealed
		}
		k.past, k.rows = append(k.past, past...), append(k.rows, row.ID)
		return nil
	}
	d, err := decodeDatum(plain)
	if err != nil {
		return ErrSealed
	}
	d.ID = row.ID
	k.data = append(k.data, d)
	return nil
}

// revisionOf changes with every change, since whatever is sealed again has another
// nonce. It has 53 bits, which every reader of JSON keeps, and is never 0.
func revisionOf(rows []vault.Row) uint64 {
	h := sha256.New()
	for _, row := range rows {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(row.ID)))
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(row.Sealed))))
		h.Write(row.Sealed)
	}
	return max(1, binary.BigEndian.Uint64(h.Sum(nil))>>11)
}

// expect says whether the data are those that the caller has seen.
func (k *kept) expect(revision uint64) error {
	if revision != 0 && revision != k.revision {
		return ErrChanged
	}
	return nil
}

func (k *kept) at(id int64) int {
	return slices.IndexFunc(k.data, func(d Datum) bool { return d.ID == id })
}

// write seals a datum into its row.
func (k *kept) write(d *Datum) error {
	sealed := k.sealer.seal("datum", d.encode())
	id, err := k.PutData(vault.Row{ID: d.ID, Sealed: sealed})
	if err != nil {
		return err
	}
	d.ID = id
	k.bytes += len(sealed)
	return nil
}

// Merge makes everything of drop keep's. past are all of drop's pseudonyms, which
// are kept with keep: what is stored under them is to be found, and erased, for as
// long as the contact is.
func (p *People) Merge(ctx context.Context, keep, drop vault.ContactID, past []Past) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.store.Merge(ctx, keep, drop, func(from, to vault.Contents) error {
		source, err := open(from, drop)
		if err != nil {
			return err
		}
		target, err := open(to, keep)
		if err != nil {
			return err
		}
		if err := target.receive(source, past); err != nil {
			return err
		}
		return target.receiveDocuments(source)
	})
}

// receive moves the data of another contact here.
func (k *kept) receive(from *kept, past []Past) error {
	if one, other := siteOf(k.data), siteOf(from.data); one != "" && other != "" && one != other {
		return ErrSite
	}
	past = slices.Concat(from.past, past)
	if len(k.data)+len(from.data) > 2*MaxData || k.bytes+from.bytes > 2*maxBytes || len(k.past)+len(past) > maxPast {
		return ErrFull
	}
	for _, d := range from.data {
		if err := from.DeleteData(d.ID); err != nil {
			return err
		}
		d.ID = 0
		if err := k.write(&d); err != nil {
			return err
		}
	}
	for _, id := range from.rows {
		if err := from.DeleteData(id); err != nil {
			return err
		}
	}
	if len(past) == 0 {
		return nil
	}
	_, err := k.PutData(vault.Row{Sealed: k.sealer.seal("datum", encodePast(past))})
	return err
}

// siteOf returns the site of the first identifier among data.
func siteOf(data []Datum) event.SiteID {
	if i := slices.IndexFunc(data, func(d Datum) bool { return d.identifies() }); i >= 0 {
		return data[i].Site
	}
	return ""
}

// explain gives a vault's error the form of this package's.
func explain(err error) error {
	switch {
	case errors.Is(err, vault.ErrNoRow):
		return ErrNoDatum
	case errors.Is(err, vault.ErrTaken):
		return ErrTaken
	case err != nil:
		return fmt.Errorf("change what is kept of a contact: %w", err)
	}
	return nil
}
