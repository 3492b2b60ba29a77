package gather

import (
	"context"
	"errors"
	"slices"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
	"zgoda/pseudonym"
)

// person is whom a request is about.
type person struct {
	desk    *Desk
	request control.Request
	site    *Site

	own      []event.Handle // consent pseudonyms, those of merged contacts too
	visitors []event.Handle // consent pseudonyms of browsers that were theirs at some time
	windows  map[event.Handle][]control.Window
	rows     erase.Person
	since    time.Time // of a visitor: until when it was nobody's browser; zero: it still is

	ref      pseudonym.Ref // zero: of a visitor
	revealed pseudonym.Revealed
}

// find asks who they are by pseudonyms.
func (p *person) find(ctx context.Context) error {
	var list []pseudonym.CasePseudonym
	err := p.desk.People.CasePseudonyms(ctx, [][16]byte{p.request.ID}, func(c pseudonym.CasePiece) error {
		list = append(list, c.Pseudonyms...)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Visitor == 0 && list[i].Purpose == "consent" {
			p.own = append(p.own, list[i].Handle)
		}
	}
	if !slices.Contains(p.own, p.request.Handle) {
		return errors.Join(pseudonym.ErrNotFound, errOther)
	}
	p.rows.Site = p.request.Site
	if p.request.Visitor {
		return p.alone(ctx, list)
	}
	windows, err := p.desk.Store.Windows(ctx, p.request.Site, p.own)
	if err != nil {
		return err
	}
	p.windows = map[event.Handle][]control.Window{}
	for _, w := range windows {
		p.windows[w.Visitor] = append(p.windows[w.Visitor], w)
	}
	p.share(list)
	return nil
}

// errOther means that the keyholder's case is about another than the request says.
var errOther = errors.New("whom the request is about is not known any more by its pseudonym")

// share says which rows are a contact's: all under its own pseudonyms, and those under
// a browser's while it was theirs.
func (p *person) share(list []pseudonym.CasePseudonym) {
	consent := map[uint32]event.Handle{} // of each visitor
	for i := range list {
		c := &list[i]
		if c.Visitor == 0 {
			p.rows.Whole = append(p.rows.Whole, c.Handle)
			continue
		}
		if c.Purpose == "consent" {
			consent[c.Visitor] = c.Handle
			if len(p.windows[c.Handle]) > 0 {
				p.visitors = append(p.visitors, c.Handle)
			}
		}
		for _, w := range p.windows[consent[c.Visitor]] {
			p.rows.Windows = append(p.rows.Windows, erase.Window{Subject: c.Handle, From: w.From, To: w.To})
		}
	}
}

// alone says which rows are a visitor's without a contact: those before the browser
// was anybody's. Later ones are a contact's, who asks as such.
func (p *person) alone(ctx context.Context, list []pseudonym.CasePseudonym) (err error) {
	if p.since, err = p.desk.Store.FirstLink(ctx, p.request.Site, p.request.Handle); err != nil {
		return err
	}
	for i := range list {
		if p.since.IsZero() {
			p.rows.Whole = append(p.rows.Whole, list[i].Handle)
		} else {
			p.rows.Windows = append(p.rows.Windows, erase.Window{Subject: list[i].Handle, To: p.since})
		}
	}
	return nil
}

// reveal reads what the keyholder keeps. Of a visitor it keeps nothing.
func (p *person) reveal(ctx context.Context, approval []byte) error {
	if p.request.Visitor {
		return nil
	}
	listed, err := p.desk.People.List(ctx, []event.Handle{p.request.Handle})
	if err != nil {
		return err
	}
	if len(listed) != 1 {
		return pseudonym.ErrNotFound
	}
	p.ref = listed[0].Ref
	p.revealed, err = p.desk.People.Reveal(ctx, p.ref, approval)
	return err
}

// theirs says whether something that a browser said at a time is theirs.
func (p *person) theirs(visitor event.Handle, at time.Time) bool {
	return slices.ContainsFunc(p.windows[visitor], func(w control.Window) bool {
		return !at.Before(w.From) && (w.To.IsZero() || at.Before(w.To))
	})
}

// Each yields everything, section by section.
func (p *person) Each(ctx context.Context, yield func(export.Item) error) error {
	for _, section := range []func(context.Context, func(export.Item) error) error{
		p.controller, p.purposes, p.data, p.consents, p.standing, p.agreements, p.documents, p.activity, p.links, p.requests, p.retention,
	} {
		if err := section(ctx, yield); err != nil {
			return err
		}
	}
	return nil
}

// portable says whether they asked for what they may take elsewhere (Art. 20): what
// they gave on consent or for a contract, and no more.
func (p *person) portable() bool { return p.request.Right == control.RightPortability }
