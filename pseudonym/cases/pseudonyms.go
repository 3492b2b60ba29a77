package cases

import (
	"context"
	"errors"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

// Pseudonym is one of a person's.
type Pseudonym struct {
	keyring.Named

	Visitor uint32 // 0: their own, or of the visitor that the case is about; n: of the n-th linked visitor, the consent handle first
	shared  bool   // of a linked visitor who is others too
}

// Person is who is found, with all pseudonyms.
type Person struct {
	ID         [16]byte     // the case
	Handle     event.Handle // the pseudonym that was asked for
	Site       event.SiteID
	Pseudonyms []Pseudonym
}

// source is what pseudonyms come from.
type source struct {
	salt     keyring.Salt // zero: no contact
	visitor  event.Blinded
	visitors []event.Blinded
	past     []person.Past // of contacts that were merged into this one
}

// list returns every pseudonym under the keys that there are.
func (s *source) list(all *keyring.All) (out []Pseudonym) {
	if !s.visitor.IsZero() {
		all.Visitor(s.visitor, func(n keyring.Named) { out = append(out, Pseudonym{Named: n}) })
	}
	if s.salt != (keyring.Salt{}) {
		all.Contact(s.salt, func(n keyring.Named) bool { out = append(out, Pseudonym{Named: n}); return true })
	}
	for _, p := range s.past {
		if !p.Visitor {
			out = append(out, pastOf(&p, 0))
		}
	}
	for i, h1 := range s.visitors {
		all.Visitor(h1, func(n keyring.Named) { out = append(out, Pseudonym{Named: n, Visitor: uint32(i + 1)}) })
	}
	more := uint32(len(s.visitors))
	for _, p := range s.past {
		if !p.Visitor {
			continue
		}
		if p.Purpose == person.PurposeConsent { // the first one of a visitor
			more++
		}
		out = append(out, pastOf(&p, max(more, 1)))
	}
	return out
}

func pastOf(p *person.Past, visitor uint32) Pseudonym {
	return Pseudonym{
		Named:   keyring.Named{Handle: p.Handle, Purpose: p.Purpose.String(), Period: p.Period, Version: p.Version},
		Visitor: visitor,
	}
}

// of returns the pseudonyms of whom a case is about, or vault.ErrUnknown.
func (c *Cases) of(ctx context.Context, all *keyring.All, one *vault.Case) ([]Pseudonym, error) {
	if one.Contact == 0 {
		s := source{visitor: one.Visitor}
		return s.list(all), nil
	}
	return c.ofContact(ctx, all, one.Contact)
}

func (c *Cases) ofContact(ctx context.Context, all *keyring.All, id vault.ContactID) ([]Pseudonym, error) {
	var s source
	var err error
	if s.salt, err = c.Store.Salt(ctx, id); err != nil {
		return nil, err
	}
	defer clear(s.salt[:])
	if s.visitors, err = c.Store.VisitorsOf(ctx, id); err != nil {
		return nil, err
	}
	if s.past, err = c.People.Past(ctx, id); err != nil {
		return nil, err
	}
	return s.list(all), nil
}

// Pseudonyms tells the pseudonyms of whom cases are about. Those that are not open are
// left out.
func (c *Cases) Pseudonyms(ctx context.Context, ids [][16]byte, yield func(Person) error) error {
	all, err := c.Ring.All(ctx)
	if err != nil {
		return err
	}
	list, err := c.Store.Cases(ctx, ids)
	if err != nil {
		return err
	}
	for i := range list {
		one := &list[i]
		if one.State != vault.CaseOpen {
			continue
		}
		pseudonyms, err := c.of(ctx, all, one)
		if errors.Is(err, vault.ErrUnknown) {
			continue
		}
		if err == nil {
			err = yield(Person{ID: one.ID, Site: one.Site, Pseudonyms: pseudonyms})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PseudonymsOf tells the pseudonyms of contacts by those of consent, which are computed of
// every contact, once for all that are asked for. Handles of nobody are left out. The map
// is used up.
func (c *Cases) PseudonymsOf(ctx context.Context, handles map[event.Handle]bool, yield func(Person) error) error {
	all, err := c.Ring.All(ctx)
	if err != nil {
		return err
	}
	owners, err := c.owners(ctx, all, handles, consents)
	if err != nil {
		return err
	}
	for _, o := range owners {
		pseudonyms, err := c.ofContact(ctx, all, o.ID)
		if errors.Is(err, vault.ErrUnknown) {
			continue
		}
		if err == nil {
			err = yield(Person{Handle: o.Handle, Pseudonyms: pseudonyms})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Owner is whose a pseudonym is.
type Owner struct {
	Handle event.Handle
	ID     vault.ContactID
}

// depth is which of a contact's pseudonyms are computed to find it.
type depth int

const (
	consents depth = iota // the one of consent
	lasting               // that, and those of profiling
	all                   // those of periods too
)

// ends says whether a pseudonym is behind the last one of a depth.
func (d depth) ends(n *keyring.Named) bool {
	return d == lasting && n.Period != 0 || d == consents && n.Purpose != "consent"
}

// Owners looks for the contacts of pseudonyms. Since none is kept anywhere but those of
// merged contacts, it computes those of every contact: first the lasting ones, which are
// few, then those of periods. What it finds it takes out of wanted.
func (c *Cases) Owners(ctx context.Context, keys *keyring.All, wanted map[event.Handle]bool) ([]Owner, error) {
	return c.owners(ctx, keys, wanted, lasting, all)
}

func (c *Cases) owners(ctx context.Context, keys *keyring.All, wanted map[event.Handle]bool, passes ...depth) ([]Owner, error) {
	release, err := c.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	var found []Owner
	for _, pass := range passes {
		for id, salt := range c.Store.Each {
			if len(wanted) == 0 || ctx.Err() != nil {
				break
			}
			keys.Contact(salt, func(n keyring.Named) bool {
				if pass.ends(&n) {
					return false
				}
				if wanted[n.Handle] {
					delete(wanted, n.Handle)
					found = append(found, Owner{n.Handle, id})
				}
				return true
			})
		}
	}
	if err := ctx.Err(); err != nil || len(wanted) == 0 {
		return found, err
	}
	merged, err := c.merged(ctx, wanted)
	return append(found, merged...), err
}

// merged looks for what is still wanted among the pseudonyms of contacts that were
// merged into others, and so belong to those.
func (c *Cases) merged(ctx context.Context, wanted map[event.Handle]bool) (found []Owner, err error) {
	into, err := c.Store.Merged(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range into {
		if len(wanted) == 0 {
			break
		}
		past, err := c.People.Past(ctx, id)
		if errors.Is(err, vault.ErrUnknown) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, p := range past {
			if wanted[p.Handle] {
				delete(wanted, p.Handle)
				found = append(found, Owner{p.Handle, id})
			}
		}
	}
	return found, nil
}
