package cases

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/vault"
)

// Who names a person by one of these. It prints as [redacted].
type Who struct {
	Ref    []byte
	Kind   event.IdentifierKind // of Value
	Value  string               // an identifier in clear
	Handle event.Handle         // any pseudonym of a contact
	Sealed []byte               // identifiers sealed by a gateway, of which the first one counts
	Idle   []byte               // of Idle
}

// Format writes "[redacted]" under every verb.
func (Who) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// Asked is a case that is to be opened.
type Asked struct {
	ID   [16]byte
	Site event.SiteID
	Who  Who
}

// Found is a case with whom it is about: a contact, a visitor or, with neither,
// nobody who is known. It prints as [redacted].
type Found struct{ c vault.Case }

// Known says whether there is somebody.
func (f *Found) Known() bool { return f.c.Contact != 0 || !f.c.Visitor.IsZero() }

// finding is a Find under way.
type finding struct {
	*Cases

	deriver *keyring.Deriver
	ways    person.Ways
	opener  *sealed.Opener
	handles map[event.Handle][]int // places of those who are named by a pseudonym
	found   []Found
}

// Find finds whom cases are about. It mints nobody. The deriver is of the keys in force.
func (c *Cases) Find(ctx context.Context, d *keyring.Deriver, asked []Asked) ([]Found, error) {
	opener, err := c.opener()
	if err != nil {
		return nil, err
	}
	f := &finding{
		Cases: c, deriver: d, ways: c.Ways(d), opener: opener, handles: map[event.Handle][]int{}, found: make([]Found, len(asked)),
	}
	seen := make(map[[16]byte]bool, len(asked))
	for i := range asked {
		a := &asked[i]
		if seen[a.ID] || a.ID == [16]byte{} {
			return nil, ErrWho
		}
		seen[a.ID] = true
		f.found[i].c = vault.Case{ID: a.ID, Site: a.Site, Opened: c.Now()}
		if err := f.one(ctx, i, a); err != nil {
			return nil, err
		}
	}
	return f.found, f.scan(ctx)
}

func (f *finding) one(ctx context.Context, i int, a *Asked) (err error) {
	c := &f.found[i].c
	switch w := &a.Who; {
	case w.Ref != nil:
		c.Contact, _ = f.Ref(w.Ref)
	case w.Idle != nil:
		c.Contact, _ = f.names.read(w.Idle, f.Now())
	case w.Kind == event.KindVisitor:
		c.Visitor, err = f.visitor(a.Site, w.Value)
	case w.Kind != event.KindUnknown:
		c.Contact, err = f.identifier(ctx, a.Site, w)
	case !w.Handle.IsZero():
		f.handles[w.Handle] = append(f.handles[w.Handle], i)
	case w.Sealed != nil:
		err = f.sealed(ctx, c, w.Sealed)
	default:
		err = ErrWho
	}
	return err
}

// visitor blinds a visitor's id as gateways do.
func (f *finding) visitor(site event.SiteID, value string) (event.Blinded, error) {
	g := f.Ring.Gateway().Visitor
	h1, err := blind.NewBlinder(blind.GateKeys{{Version: g.Version, Key: g.Key}}).Blind(site, event.KindVisitor, []byte(value))
	if err != nil {
		return event.Blinded{}, ErrWho
	}
	return h1, nil
}

func (f *finding) identifier(ctx context.Context, site event.SiteID, w *Who) (vault.ContactID, error) {
	ways, err := f.ways(site, w.Kind, w.Value)
	if err != nil {
		return 0, ErrWho
	}
	for _, way := range ways {
		id, err := f.contact(ctx, way.Index)
		if id != 0 || err != nil {
			return id, err
		}
	}
	return 0, nil
}

// contact returns the contact behind an index; 0: there is none.
func (f *finding) contact(ctx context.Context, index keyring.Index) (vault.ContactID, error) {
	id, err := f.Store.Contact(ctx, index)
	if errors.Is(err, vault.ErrUnknown) {
		return 0, nil
	}
	return id, err
}

// sealed opens what a gateway sealed. What was blinded under a gateway key that is not
// in use any more leads nowhere, and neither does what cannot be opened.
func (f *finding) sealed(ctx context.Context, c *vault.Case, blob []byte) error {
	ids, err := f.opener.Open(blob)
	if err != nil {
		return nil //nolint:nilerr // the case is about nobody
	}
	first := ids.List[0]
	if first.Kind == event.KindVisitor {
		c.Visitor = first.H1
		return nil
	}
	if !slices.ContainsFunc(f.Ring.Gateway().Gate, func(g keyring.GateKey) bool { return g.Version == ids.Gate }) {
		return nil
	}
	for _, h1 := range []event.Blinded{first.Old, first.H1} {
		if h1.IsZero() {
			continue
		}
		current, old, carrying := f.deriver.Indexes(h1)
		if carrying {
			if c.Contact, err = f.contact(ctx, old); err != nil || c.Contact != 0 {
				return err
			}
		}
		if c.Contact, err = f.contact(ctx, current); err != nil || c.Contact != 0 {
			return err
		}
	}
	return nil
}

// scan finds those who are named by a pseudonym, all at once.
func (f *finding) scan(ctx context.Context) error {
	if len(f.handles) == 0 {
		return nil
	}
	all, err := f.Ring.All(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[event.Handle]bool, len(f.handles))
	for h := range f.handles {
		wanted[h] = true
	}
	owners, err := f.Owners(ctx, all, wanted)
	for _, o := range owners {
		for _, i := range f.handles[o.Handle] {
			f.found[i].c.Contact = o.ID
		}
	}
	return err
}

// Opened is a case that was opened, or was before.
type Opened struct {
	ID         [16]byte
	State      vault.CaseState // 0: about nobody who is known
	Pseudonyms []Pseudonym     // of one that is open
}

// Open keeps whom cases are about, and tells their pseudonyms.
func (c *Cases) Open(ctx context.Context, found []Found, yield func(Opened) error) error {
	list := make([]vault.Case, 0, len(found))
	for i := range found {
		if found[i].Known() {
			list = append(list, found[i].c)
		}
	}
	kept, err := c.Store.OpenCases(ctx, list)
	if err != nil {
		return err
	}
	all, err := c.Ring.All(ctx)
	if err != nil {
		return err
	}
	for i := range found {
		out := Opened{ID: found[i].c.ID}
		if found[i].Known() {
			one := &kept[0]
			kept = kept[1:]
			out.State = one.State
			if one.State == vault.CaseOpen {
				out.Pseudonyms, err = c.of(ctx, all, one)
			}
			if errors.Is(err, vault.ErrUnknown) { // they went since
				out.State, err = vault.CaseElsewhere, nil
			}
		}
		if err == nil {
			err = yield(out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
