package control

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Exported says that what is held of the person of a request was handed out.
type Exported struct {
	Request   RequestID
	At        time.Time // microsecond, UTC
	Actor     string
	Format    string // json, csv or xlsx
	Recipient string // the host that it was sent to; empty: whoever asked
	Items     int64  // -1: it was begun and not ended, or not known to have arrived
}

// ExportedInPart is how many items an export has that was not ended: some may have
// been seen.
const ExportedInPart = -1

// PutExported notes an export: first, before anything is handed out, as one in part,
// and at its end how many items it had.
func (s *Store) PutExported(ctx context.Context, e Exported) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	_, err := s.db.changes().ExecContext(ctx, `INSERT INTO exported (request, at_micros, actor, format, recipient, items) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (request, at_micros) DO UPDATE SET items = excluded.items`,
		e.Request[:], ledger.Micros(e.At), e.Actor, e.Format, e.Recipient, e.Items)
	if err != nil {
		return fmt.Errorf("note the export: %w", err)
	}
	return nil
}

// ExportedOf returns the exports of requests, the earliest first.
func (s *Store) ExportedOf(ctx context.Context, ids []RequestID) (list []Exported, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	for some := range slices.Chunk(ids, noticesAtOnce) {
		marks := make([]string, len(some))
		for i := range some {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		err = all(ctx, s.db.plain(), `SELECT request, at_micros, actor, format, recipient, items FROM exported WHERE request IN (`+strings.Join(marks, ", ")+`)`,
			anys(some, func(id RequestID) any { return id[:] }), func(rows *sql.Rows) error {
				var e Exported
				var id []byte
				var at int64
				if err := rows.Scan(&id, &at, &e.Actor, &e.Format, &e.Recipient, &e.Items); err != nil {
					return err
				}
				if len(id) != len(e.Request) {
					return errDamaged
				}
				copy(e.Request[:], id)
				e.At = ledger.FromMicros(at)
				list = append(list, e)
				return nil
			})
		if err != nil {
			return nil, fmt.Errorf("read the exports: %w", err)
		}
	}
	slices.SortStableFunc(list, func(a, b Exported) int { return a.At.Compare(b.At) })
	return list, nil
}

// FirstLink returns when a visitor was first linked to a contact that it is still
// linked to: what it did from then on is that contact's. Zero: it is nobody's.
func (s *Store) FirstLink(ctx context.Context, site event.SiteID, visitor event.Handle) (first time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	links, err := s.linkedElsewhere(ctx, site, visitor, nil)
	for i := range links {
		if first.IsZero() || links[i].at.Before(first) {
			first = links[i].at
		}
	}
	return first, err
}
