package cases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/secret"
	"zgoda/pseudonym/vault"
)

// store is what is needed of a vault.
type store interface {
	Contact(ctx context.Context, index keyring.Index) (vault.ContactID, error)
	Salt(ctx context.Context, id vault.ContactID) (keyring.Salt, error)
	Each(yield func(vault.ContactID, keyring.Salt) bool)
	VisitorsOf(ctx context.Context, id vault.ContactID) ([]event.Blinded, error)
	Merged(ctx context.Context) ([]vault.ContactID, error)

	OpenCases(ctx context.Context, list []vault.Case) ([]vault.Case, error)
	Cases(ctx context.Context, ids [][16]byte) ([]vault.Case, error)
	EachCase(ctx context.Context, yield func(id [16]byte, opened time.Time) error) error
	CloseCases(ctx context.Context, ids [][16]byte) error
	Destroy(ctx context.Context, ids [][16]byte, do func(*vault.Doomed) (vault.Remains, error)) ([]vault.Erasure, error)
	Redestroy(ctx context.Context, e vault.Erasure, contacts []vault.ContactID, do func(*vault.Doomed) ([]vault.Tomb, error)) error
	EachErasure(ctx context.Context, yield func(id [16]byte) error) error
	Erasures(ctx context.Context, ids [][16]byte) ([]vault.Erasure, error)
	EndErasures(ctx context.Context, now time.Time) (ended int64, err error)
	EachTomb(ctx context.Context, after int64, yield func(vault.Tomb)) (next int64, err error)
	EndTombs(ctx context.Context, kept []string) error

	WriteSeen(ctx context.Context) error
	Idle(ctx context.Context, before uint32, yield func(vault.ContactID) bool) error
}

// Errors of cases.
var (
	// ErrWho is returned for a person who is named by nothing, or in a wrong form.
	ErrWho = errors.New("a case names one person, by one reference, identifier, pseudonym, sealed identifier or idle name")
	// ErrOrder is returned for a destruction without a cut-off, or with one to come.
	ErrOrder = errors.New("a destruction names a case, and a cut-off that is not to come")
	// ErrNoCase is returned for a case that is not open.
	ErrNoCase = vault.ErrNoCase
)

// Deps are what cases work with.
type Deps struct {
	Store  store
	Ring   *keyring.Ring
	People *person.People
	// Ways computes indexes under the keys of a deriver.
	Ways func(d *keyring.Deriver) person.Ways
	// Ref reads a reference.
	Ref func(ref []byte) (vault.ContactID, bool)
	// Rewrap returns when salts were or will be sealed anew after a time.
	Rewrap func(after time.Time) time.Time
	Logger *slog.Logger
	Now    func() time.Time
}

// Cases are those of one vault. They are safe for concurrent use.
type Cases struct {
	Deps

	names    names
	tombs    tombs
	scanning chan struct{} // held by who goes over the whole vault
}

// New makes the cases of a vault, and reads its tombstones. The journal's keys of the
// months to come are there when it returns: every backup has them.
func New(ctx context.Context, deps Deps) (*Cases, error) {
	key, err := deps.Ring.Own(ctx, keyring.OwnRef)
	if err != nil {
		return nil, err
	}
	c := &Cases{Deps: deps, scanning: make(chan struct{}, 1)}
	if c.names, err = newNames(key); err != nil {
		return nil, err
	}
	if err := deps.Ring.MakeJournals(ctx); err != nil {
		return nil, err
	}
	return c, c.LoadTombs(ctx)
}

// alone keeps to one scan of the whole vault at a time.
func (c *Cases) alone(ctx context.Context) (release func(), err error) {
	select {
	case c.scanning <- struct{}{}:
		return func() { <-c.scanning }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close forgets whom requests were about.
func (c *Cases) Close(ctx context.Context, ids [][16]byte) error { return c.Store.CloseCases(ctx, ids) }

// Each goes over all cases.
func (c *Cases) Each(ctx context.Context, yield func(id [16]byte, opened time.Time) error) error {
	return c.Store.EachCase(ctx, yield)
}

// Identifiers returns the identifiers that are kept of whom a case is about, of the
// kinds that are named, or all; ErrNoCase of one that is not open. A visitor has none.
func (c *Cases) Identifiers(ctx context.Context, id [16]byte, kinds []event.IdentifierKind) (list []person.Datum, err error) {
	found, err := c.Store.Cases(ctx, [][16]byte{id})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 || found[0].State != vault.CaseOpen:
		return nil, ErrNoCase
	case found[0].Contact == 0:
		return nil, nil
	}
	revealed, err := c.People.Reveal(ctx, found[0].Contact)
	if err != nil {
		return nil, err
	}
	wanted := make(map[event.IdentifierKind]bool, len(kinds))
	for _, k := range kinds {
		wanted[k] = true
	}
	for i := range revealed.Data {
		d := &revealed.Data[i]
		if d.Kind != event.KindUnknown && (len(kinds) == 0 || wanted[d.Kind]) {
			list = append(list, *d)
		}
	}
	return list, nil
}

// opener opens what gateways sealed.
func (c *Cases) opener() (*sealed.Opener, error) {
	keys, err := c.Ring.Sealing()
	if err != nil {
		return nil, err
	}
	seeds := make([]secret.Bytes, len(keys))
	for i := range keys {
		seeds[i] = keys[i].Key
	}
	return sealed.NewOpener(seeds...)
}

// Run does what is due until the context ends: it writes when contacts were seen, hears
// of tombstones that other keyholders made, and ends what is over its time.
func (c *Cases) Run(ctx context.Context, shared bool) {
	look := time.Minute
	if shared {
		look = time.Second
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	var swept, written time.Time
	for {
		now := time.Now()
		if now.Sub(swept) >= time.Hour {
			swept = now
			c.report(ctx, c.Sweep(ctx))
		}
		if now.Sub(written) >= time.Minute {
			written = now
			c.report(ctx, c.Store.WriteSeen(ctx))
		}
		if shared {
			c.report(ctx, c.LoadTombs(ctx))
		}
		select {
		case <-ctx.Done():
			c.writeLast(ctx)
			return
		case <-tick.C:
		}
	}
}

// lastWithin bounds the last write: a database that is away by then does not keep anybody
// from ending. What is lost is a day, of whom was seen within the last minute.
const lastWithin = 2 * time.Second

func (c *Cases) writeLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
	defer cancel()
	c.report(ctx, c.Store.WriteSeen(ctx))
}

func (c *Cases) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.Logger.Error("requests of data subjects", "error", err)
	}
}

// Sweep takes what is over its time out of the journal and the tombstones, and makes the
// journal's keys of the months to come.
func (c *Cases) Sweep(ctx context.Context) error {
	if err := c.Ring.MakeJournals(ctx); err != nil {
		return err
	}
	if _, err := c.Store.EndErasures(ctx, c.Now()); err != nil {
		return err
	}
	keys, err := c.Ring.Tombstones(ctx)
	if err != nil {
		return fmt.Errorf("the keys of tombstones: %w", err)
	}
	kept := make([]string, len(keys))
	for i := range keys {
		kept[i] = keys[i].Name
	}
	c.tombs.keep(kept)
	return c.Store.EndTombs(ctx, kept)
}
