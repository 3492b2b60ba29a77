package control

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Windows returns when visitors were a contact's, by the ledger's links, the
// earliest first: from each link to it until the next link to another contact. The
// handles are all consent handles of the contact.
func (s *Store) Windows(ctx context.Context, site event.SiteID, contact []event.Handle) (windows []Window, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var own []linkedAt
	for _, h := range contact {
		if own, err = s.linkedBy(ctx, own, site, h); err != nil {
			return nil, err
		}
	}
	others := map[event.Handle][]linkedAt{} // by visitor
	for i := range own {
		v := own[i].visitor
		if _, done := others[v]; done {
			continue
		}
		if others[v], err = s.linkedElsewhere(ctx, site, v, contact); err != nil {
			return nil, err
		}
	}
	for i := range own {
		w := Window{Visitor: own[i].visitor, From: own[i].at, Exclusive: len(others[own[i].visitor]) == 0}
		for _, o := range others[w.Visitor] {
			if o.at.After(w.From) && (w.To.IsZero() || o.at.Before(w.To)) {
				w.To = o.at
			}
		}
		windows = append(windows, w)
	}
	return windows, nil
}

type linkedAt struct {
	visitor event.Handle
	at      time.Time
}

// linkedBy adds when visitors were linked to a contact.
func (s *Store) linkedBy(ctx context.Context, list []linkedAt, site event.SiteID, contact event.Handle) ([]linkedAt, error) {
	err := all(ctx, s.db.plain(), `SELECT p.linked, l.at_micros FROM parts p JOIN ledger l ON l.sequence = p.sequence
		WHERE p.subject = $1 AND l.site = $2 AND l.state = 'linked' AND p.linked IS NOT NULL ORDER BY l.sequence`,
		[]any{contact[:], string(site)}, func(rows *sql.Rows) error {
			var packed []byte
			var at int64
			if err := rows.Scan(&packed, &at); err != nil {
				return err
			}
			if len(packed) != ledger.SaltSize+len(event.Handle{}) {
				return errDamaged
			}
			list = append(list, linkedAt{event.Handle(packed[ledger.SaltSize:]), ledger.FromMicros(at)})
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read the links of the contact: %w", err)
	}
	return list, nil
}

// linkedElsewhere returns when a visitor was linked to others that it is still
// linked to.
func (s *Store) linkedElsewhere(ctx context.Context, site event.SiteID, visitor event.Handle, but []event.Handle) (list []linkedAt, err error) {
	contacts, err := s.contactsOf(ctx, site, visitor)
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		if slices.Contains(but, c) {
			continue
		}
		links, err := s.linkedBy(ctx, nil, site, c)
		if err != nil {
			return nil, err
		}
		for i := range links {
			if links[i].visitor == visitor {
				list = append(list, links[i])
			}
		}
	}
	return list, nil
}

func (s *Store) contactsOf(ctx context.Context, site event.SiteID, visitor event.Handle) (contacts []event.Handle, err error) {
	err = all(ctx, s.db.plain(), `SELECT contact FROM link WHERE site = $1 AND visitor = $2`, []any{string(site), visitor[:]}, func(rows *sql.Rows) error {
		var h event.Handle
		err := rows.Scan((*handleColumn)(&h))
		contacts = append(contacts, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the contacts of the visitor: %w", err)
	}
	return contacts, nil
}

// SharedVisitors returns which visitors are linked to another contact too.
func (s *Store) SharedVisitors(ctx context.Context, site event.SiteID, contact, visitors []event.Handle) (shared []event.Handle, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	for _, v := range visitors {
		contacts, err := s.contactsOf(ctx, site, v)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(contacts, func(c event.Handle) bool { return !slices.Contains(contact, c) }) {
			shared = append(shared, v)
		}
	}
	slices.SortFunc(shared, func(a, b event.Handle) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(shared), nil
}
