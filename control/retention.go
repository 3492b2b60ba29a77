package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// Stamp says by which retention the rows of a purpose were given their end.
type Stamp struct {
	Site      event.SiteID
	Purpose   event.PurposeID
	Retention string // as in the settings, with how the purpose is stored
	State     string // done
	At        time.Time
}

// Stamps returns by what rows were given their end.
func (s *Store) Stamps(ctx context.Context) (stamps []Stamp, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT site, purpose, retention, state, at_micros FROM retention_stamp ORDER BY site, purpose`, nil, func(rows *sql.Rows) error {
		var p Stamp
		var at int64
		err := rows.Scan((*string)(&p.Site), (*string)(&p.Purpose), &p.Retention, &p.State, &at)
		p.At = ledger.FromMicros(at)
		stamps = append(stamps, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read by what rows were given their end: %w", err)
	}
	return stamps, nil
}

// PutStamps notes by what the rows of purposes were given their end.
func (s *Store) PutStamps(ctx context.Context, stamps []Stamp) error {
	return s.change(ctx, "note by what rows were given their end", func(tx *sql.Tx) error {
		for i := range stamps {
			p := &stamps[i]
			if _, err := tx.ExecContext(ctx, `INSERT INTO retention_stamp (site, purpose, retention, state, at_micros) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (site, purpose) DO UPDATE SET retention = excluded.retention, state = excluded.state, at_micros = excluded.at_micros`,
				string(p.Site), string(p.Purpose), p.Retention, p.State, ledger.Micros(p.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

// keptRuns is how many reports of runs are kept.
const keptRuns = 400

// AddRetentionRun keeps the report of a run; the oldest goes when there are too many.
func (s *Store) AddRetentionRun(ctx context.Context, at time.Time, report []byte) error {
	return s.change(ctx, "keep the report", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO retention_run (at_micros, report) VALUES ($1, $2)
			ON CONFLICT (at_micros) DO UPDATE SET report = excluded.report`, ledger.Micros(at), string(report)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM retention_run WHERE at_micros NOT IN (SELECT at_micros FROM retention_run ORDER BY at_micros DESC LIMIT $1)`, keptRuns)
		return err
	})
}

// LastRetentionRun returns the last report; none: not found.
func (s *Store) LastRetentionRun(ctx context.Context) (at time.Time, report []byte, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var micros int64
	var text string
	err = s.db.plain().QueryRowContext(ctx, `SELECT at_micros, report FROM retention_run ORDER BY at_micros DESC LIMIT 1`).Scan(&micros, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil, false, nil
	}
	if err != nil {
		return time.Time{}, nil, false, fmt.Errorf("read the last report: %w", err)
	}
	return ledger.FromMicros(micros), []byte(text), true, nil
}

// WhyKept says why contacts are kept that were not seen for long, by their handle:
// `restricted`, `request` (one is open), `agreement` (one is in force at a time), on any
// of these sites. Those of whom nothing is said may go.
func (s *Store) WhyKept(ctx context.Context, sites []event.SiteID, handles []event.Handle, at time.Time) (map[event.Handle]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout) // many rows
	defer cancel()
	why := map[event.Handle]string{}
	for _, site := range append([]event.SiteID{""}, sites...) { // some requests are of no site
		for i := range handles {
			for _, q := range whyKept {
				args := []any{string(site), handles[i][:]}
				if q.bound != nil {
					args = append(args, q.bound(at))
				}
				var n int
				if err := s.db.plain().QueryRowContext(ctx, q.query, args...).Scan(&n); err != nil {
					return nil, fmt.Errorf("look why a contact is kept: %w", err)
				}
				if n > 0 {
					why[handles[i]] = q.why
				}
			}
		}
	}
	return why, nil
}

var whyKept = []struct {
	why, query string
	bound      func(at time.Time) int64
}{
	{"agreement", `SELECT count(*) FROM agreement WHERE site = $1 AND handle = $2 AND (until_micros = 0 OR until_micros > $3)`, ledger.Micros},
	{"request", `SELECT count(*) FROM request WHERE site = $1 AND handle = $2 AND ` + openStates, nil},
	{"restricted", `SELECT count(*) FROM subject WHERE site = $1 AND handle = $2 AND standing = $3`, func(time.Time) int64 { return int64(consent.StateRestricted) }},
}
