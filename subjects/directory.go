package subjects

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// blinder turns an identifier into h1.
type blinder interface {
	BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error)
}

// finder looks for a contact at the keyholder.
type finder interface {
	Find(ctx context.Context, query pseudonym.Query) (handles event.Handles, known bool, err error)
}

// historian reads the ledger.
type historian interface {
	History(ctx context.Context, site event.SiteID, subject event.Handle, limit int) ([]ledger.Entry, error)
}

// Directory finds people for operators and changes what is on record about
// them. Its changes go through the set, and so are enforced when they return.
type Directory struct {
	*Set
	blinder blinder
	finder  finder
	history historian
}

// NewDirectory makes a directory over a set.
func NewDirectory(s *Set, b blinder, f finder, h historian) (*Directory, error) {
	if s == nil || b == nil || f == nil || h == nil {
		return nil, errors.New("subjects: a directory needs a set, a blinder, a finder and a history")
	}
	return &Directory{Set: s, blinder: b, finder: f, history: h}, nil
}

func (d *Directory) query(site event.SiteID, kind event.IdentifierKind, value string) (pseudonym.Query, error) {
	if _, err := d.policy(site); err != nil {
		return pseudonym.Query{}, err
	}
	both, err := d.blinder.BlindBoth(site, kind, []byte(value))
	if err != nil {
		return pseudonym.Query{}, fmt.Errorf("blind the identifier: %w", err)
	}
	p, _, _ := period(time.Now())
	id := IdentityOf(both, kind, false)
	return id.query(false, p), nil
}

// Find looks for a person and makes none. Visitors are always known: they have
// no record at the keyholder.
func (d *Directory) Find(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	q, err := d.query(site, kind, value)
	if err != nil {
		return event.Handle{}, false, err
	}
	handles, known, err := d.finder.Find(ctx, q)
	if err != nil {
		return event.Handle{}, false, fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	if !known {
		return event.Handle{}, false, nil
	}
	// Whoever made the contact may not have said so yet, and the caller is about
	// to learn its handle.
	d.fence.minted(&q.H1)
	return handles.Consent, true, nil
}

// Make finds a person, or makes the contact.
func (d *Directory) Make(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, made bool, err error) {
	handle, known, err := d.Find(ctx, site, kind, value)
	if err != nil || known {
		return handle, false, err
	}
	q, err := d.query(site, kind, value)
	if err != nil {
		return event.Handle{}, false, err
	}
	q.Mint = kind != event.KindVisitor
	handles, err := d.deps.Resolver.Resolve(ctx, []pseudonym.Query{q})
	d.fence.minted(&q.H1)
	if err == nil && (len(handles) != 1 || handles[0].Consent.IsZero()) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		return event.Handle{}, false, fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	return handles[0].Consent, q.Mint, nil
}

// historyLimit bounds what one call of History returns.
const historyLimit = 10_000

// History returns the ledger's entries about a person, oldest first.
func (d *Directory) History(ctx context.Context, site event.SiteID, handle event.Handle) ([]ledger.Entry, error) {
	entries, err := d.history.History(ctx, site, handle, historyLimit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	return entries, nil
}
