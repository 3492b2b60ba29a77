package cases

import (
	"context"
	"errors"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// Replayed is somebody of an entry of the journal.
type Replayed struct {
	ID     [16]byte
	Opened bool // else the key that opens the entry is gone, and nothing else is here
	Site   event.SiteID
	Cutoff time.Time

	Pseudonyms []Pseudonym // without those of visitors of whom nothing is the person's
	Windows    []Window    // of the visitors that these name, only these rows are the person's
}

// replaying is an entry that is replayed.
type replaying struct {
	entry

	id       [16]byte
	sealed   []byte
	gone     bool
	contacts []vault.ContactID
}

// Replay destroys whoever is there again of entries of the journal, puts the entries
// that the vault lacks into its journal, and tells each with all pseudonyms: those of
// the entry, and those that who was there again has under the keys that there are. It is
// durable before it is told. ErrEntry: one is damaged, and nothing was done.
//
// Contacts are known again by their consent pseudonym, whose key is never changed. Their
// number says nothing: after a restore it may be somebody else's.
func (c *Cases) Replay(ctx context.Context, entries [][]byte, yield func(Replayed) error) error {
	list, err := c.openEntries(ctx, entries)
	if err != nil {
		return err
	}
	d, err := c.destroying(ctx)
	if err != nil {
		return err
	}
	if err := c.recognise(ctx, d.all, list); err != nil {
		return err
	}
	for _, r := range list {
		out, err := d.replay(ctx, r)
		if err == nil {
			err = yield(out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cases) openEntries(ctx context.Context, entries [][]byte) ([]*replaying, error) {
	keys := map[uint32]*keyring.Journal{}
	list := make([]*replaying, 0, len(entries))
	for _, sealed := range entries {
		month, id, err := keyring.JournalEntry(sealed)
		if err != nil {
			return nil, ErrEntry
		}
		r := &replaying{id: id, sealed: sealed}
		list = append(list, r)
		if _, looked := keys[month]; !looked {
			keys[month], err = c.Ring.JournalOf(ctx, sealed)
			if err != nil && !errors.Is(err, keyring.ErrJournalGone) {
				return nil, err
			}
		}
		if r.gone = keys[month] == nil; r.gone {
			continue
		}
		plain, err := keys[month].Open(sealed)
		if err == nil {
			r.entry, err = decodeEntry(plain)
			clear(plain)
		}
		if err != nil {
			return nil, ErrEntry
		}
	}
	return list, nil
}

// recognise finds the contacts that are there again.
func (c *Cases) recognise(ctx context.Context, all *keyring.All, list []*replaying) error {
	of := map[event.Handle]*replaying{}
	for _, r := range list {
		for i := range r.pseudonyms {
			if p := &r.pseudonyms[i]; p.Visitor == 0 && p.Purpose == "consent" {
				of[p.Handle] = r
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	release, err := c.alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	for id, salt := range c.Store.Each {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		all.Contact(salt, func(n keyring.Named) bool { // the consent pseudonym is the first
			if r := of[n.Handle]; r != nil {
				r.contacts = append(r.contacts, id)
			}
			return false
		})
	}
	return nil
}

func (d *destroying) replay(ctx context.Context, r *replaying) (Replayed, error) {
	if r.gone {
		return Replayed{ID: r.id}, nil
	}
	pseudonyms := r.pseudonyms
	if !r.visitor.IsZero() {
		s := source{visitor: r.visitor}
		pseudonyms = unite(pseudonyms, s.list(d.all))
	}
	d.marks = nil
	e := vault.Erasure{ID: r.id, At: r.at, Until: r.until, Sealed: r.sealed}
	err := d.Store.Redestroy(ctx, e, r.contacts, func(doomed *vault.Doomed) ([]vault.Tomb, error) {
		s, err := sourceOf(doomed)
		if err != nil {
			return nil, err
		}
		pseudonyms = unite(pseudonyms, share(s.list(d.all), r.shared()))
		clear(s.salt[:])
		return d.mark(doomed.Identifiers, r.cutoff), nil
	})
	if err != nil {
		return Replayed{}, err
	}
	d.tombs.add(&d.tomb, d.marks)
	out := Replayed{ID: r.id, Opened: true, Site: r.site, Cutoff: r.cutoff, Windows: r.windows}
	out.Pseudonyms = theirs(pseudonyms, r.windows)
	return out, nil
}

// shared are the consent handles of linked visitors who are others too.
func (e *entry) shared() (list []event.Handle) {
	for i := range e.pseudonyms {
		if p := &e.pseudonyms[i]; p.shared && p.Purpose == "consent" {
			list = append(list, p.Handle)
		}
	}
	return list
}

// unite adds what is not in the list yet. Visitors are told from each other by their
// consent handle, which is the first of each: their numbers are of one list alone.
func unite(list, more []Pseudonym) []Pseudonym {
	had := make(map[event.Handle]uint32, len(list))
	last := uint32(0)
	for i := range list {
		had[list[i].Handle] = list[i].Visitor
		last = max(last, list[i].Visitor)
	}
	number := map[uint32]uint32{0: 0}
	for i := range more {
		p := more[i]
		if was, known := had[p.Handle]; known {
			number[p.Visitor] = was
			continue
		}
		n, known := number[p.Visitor]
		if !known {
			last++
			n = last
			number[p.Visitor] = n
		}
		p.Visitor = n
		list, had[p.Handle] = append(list, p), n
	}
	return list
}

// theirs leaves out the visitors of whom nothing is the person's: shared ones without a
// window.
func theirs(list []Pseudonym, windows []Window) (out []Pseudonym) {
	named := map[event.Handle]bool{}
	for i := range windows {
		named[windows[i].Handle] = true
	}
	in := map[uint32]bool{}
	for i := range list {
		if p := &list[i]; p.Purpose == "consent" && named[p.Handle] {
			in[p.Visitor] = true
		}
	}
	for _, p := range list {
		if !p.shared || in[p.Visitor] {
			out = append(out, p)
		}
	}
	return out
}
