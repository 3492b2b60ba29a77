package cases

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zgoda/event"
	"zgoda/killpoint"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

// Order says whom to destroy, and what the journal keeps of it.
type Order struct {
	ID      [16]byte
	Cutoff  time.Time // what happened before it is the erased one's
	Until   time.Time // until when the journal keeps it
	Windows []Window
	Shared  []event.Handle // consent handles of linked visitors who are others too
}

// Sealed is an entry of the journal of erasures.
type Sealed struct {
	ID        [16]byte
	Entry     []byte
	At, Until time.Time
	KeysGone  time.Time // when the key is gone that copies of the vault are sealed under
}

// atOnce is how many cases one transaction destroys: who mints meanwhile waits for it.
const atOnce = 32

// early is how much a caller's clock may be ahead.
const early = time.Minute

// destroying is a Destroy under way.
type destroying struct {
	*Cases

	all    *keyring.All
	tomb   keyring.Tombstone
	orders map[[16]byte]*Order
	keys   map[string]*keyring.Journal // by month
	at     time.Time
	marks  []vault.Tomb // of the present transaction
}

// Destroy destroys whom cases are about, and tells the entry of each, in order. After an
// error some are destroyed: doing it again tells their entries too.
func (c *Cases) Destroy(ctx context.Context, orders []Order, yield func(Sealed) error) error {
	d, err := c.destroying(ctx)
	if err != nil {
		return err
	}
	ids := make([][16]byte, len(orders))
	for i := range orders {
		o := &orders[i]
		if o.Cutoff.IsZero() || o.Cutoff.After(d.at.Add(early)) || d.orders[o.ID] != nil {
			return ErrOrder
		}
		if _, err := d.key(ctx, o.Until); err != nil {
			return err
		}
		ids[i], d.orders[o.ID] = o.ID, o
	}
	for part := range slices.Chunk(ids, atOnce) {
		d.marks = nil
		killpoint.At("cases destroying")
		list, err := c.Store.Destroy(ctx, part, d.one)
		if err != nil {
			return err
		}
		killpoint.At("cases destroyed")
		c.tombs.add(&d.tomb, d.marks)
		for i := range list {
			if err := yield(c.sealed(&list[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cases) destroying(ctx context.Context) (*destroying, error) {
	all, err := c.Ring.All(ctx)
	if err != nil {
		return nil, err
	}
	tomb, err := c.Ring.Tombstone(ctx)
	if err != nil {
		return nil, fmt.Errorf("the key of today's tombstones: %w", err)
	}
	return &destroying{
		Cases: c, all: all, tomb: tomb, orders: map[[16]byte]*Order{}, keys: map[string]*keyring.Journal{}, at: c.Now().UTC(),
	}, nil
}

// key returns what seals what is kept until a time.
func (d *destroying) key(ctx context.Context, until time.Time) (*keyring.Journal, error) {
	month := until.UTC().Format("200601")
	if j := d.keys[month]; j != nil && until.After(d.at) && !until.After(d.at.Add(keyring.JournalKept)) {
		return j, nil
	}
	j, err := d.Ring.Journal(ctx, until)
	if err != nil {
		return nil, err
	}
	d.keys[month] = j
	return j, nil
}

// one makes what is left of one.
func (d *destroying) one(doomed *vault.Doomed) (left vault.Remains, err error) {
	o := d.orders[doomed.Case.ID]
	s, err := sourceOf(doomed)
	if err != nil {
		return left, err
	}
	e := entry{
		at: d.at, cutoff: o.Cutoff, until: o.Until, site: doomed.Case.Site, visitor: doomed.Case.Visitor,
		pseudonyms: share(s.list(d.all), o.Shared), windows: o.Windows,
	}
	clear(s.salt[:])
	plain := e.encode()
	defer clear(plain)
	left.Erasure = vault.Erasure{At: e.at, Until: e.until, Sealed: d.keys[o.Until.UTC().Format("200601")].Seal(o.ID, plain)}
	left.Tombs = d.mark(doomed.Identifiers, o.Cutoff)
	return left, nil
}

// mark makes the tombstones of identifiers.
func (d *destroying) mark(identifiers []vault.Led, cutoff time.Time) []vault.Tomb {
	tombs := make([]vault.Tomb, len(identifiers))
	for i := range identifiers {
		t := &tombs[i]
		t.Key, t.Link, t.Cutoff = d.tomb.Name, identifiers[i].Link, cutoff
		d.tomb.Mark(&t.Tag, &identifiers[i].Index)
	}
	d.marks = append(d.marks, tombs...)
	return tombs
}

// sourceOf is what the pseudonyms of somebody doomed come from.
func sourceOf(doomed *vault.Doomed) (s source, err error) {
	s = source{salt: doomed.Salt, visitor: doomed.Case.Visitor, visitors: doomed.Visitors}
	if doomed.Contact != 0 {
		s.past, err = person.PastOf(doomed.Contents, doomed.Contact)
	}
	return s, err
}

// share marks the pseudonyms of linked visitors who are others too.
func share(list []Pseudonym, shared []event.Handle) []Pseudonym {
	of := map[uint32]bool{}
	for i := range list {
		if list[i].Visitor != 0 && list[i].Purpose == "consent" && slices.Contains(shared, list[i].Handle) {
			of[list[i].Visitor] = true
		}
	}
	for i := range list {
		list[i].shared = list[i].shared || of[list[i].Visitor]
	}
	return list
}

func (c *Cases) sealed(e *vault.Erasure) Sealed {
	return Sealed{ID: e.ID, Entry: e.Sealed, At: e.At, Until: e.Until, KeysGone: c.Rewrap(e.At)}
}

// EachErasure goes over the ids of the journal.
func (c *Cases) EachErasure(ctx context.Context, yield func(id [16]byte) error) error {
	return c.Store.EachErasure(ctx, yield)
}

// Erasures returns entries of the journal, those that are there.
func (c *Cases) Erasures(ctx context.Context, ids [][16]byte) ([]Sealed, error) {
	list, err := c.Store.Erasures(ctx, ids)
	out := make([]Sealed, len(list))
	for i := range list {
		out[i] = c.sealed(&list[i])
	}
	return out, err
}
