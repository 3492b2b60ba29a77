package control

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// settle turns a refusal of what was given into a withdrawal.
func (a *appender) settle(ctx context.Context, e *ledger.Entry) error {
	if e.State != ledger.StateRefused {
		return nil
	}
	var choice int
	err := a.tx.QueryRowContext(ctx, `SELECT choice FROM choice WHERE site = $1 AND handle = $2 AND purpose = $3`,
		string(e.Site), e.Subject[:], string(e.Purpose)).Scan(&choice)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && (choice == int(consent.ChoiceGiven) || choice == int(consent.ChoiceWithdrawn)) {
		e.State = ledger.StateWithdrawn
	}
	return err
}

// apply derives the current state from an entry that was just chained.
func (a *appender) apply(ctx context.Context, e *ledger.Entry) error {
	var err error
	site, handle, seq := string(e.Site), e.Subject[:], int64(e.Sequence)
	switch e.State {
	case ledger.StateGiven, ledger.StateRenewed, ledger.StateRefused, ledger.StateWithdrawn, ledger.StateObjected, ledger.StateExpired:
		_, err = a.tx.ExecContext(ctx, `INSERT INTO choice (site, handle, purpose, choice, version, dialogue, gpc, dnt, sequence)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (site, handle, purpose) DO UPDATE SET choice = excluded.choice, version = excluded.version,
			dialogue = excluded.dialogue, gpc = excluded.gpc, dnt = excluded.dnt, sequence = excluded.sequence`,
			site, handle, string(e.Purpose), int(choiceOf(e.State)), e.PurposeVersion,
			e.Channel == ledger.ChannelDialogue, e.GPC, e.DNT, seq)
	case ledger.StateProfilingOff, ledger.StateProfilingOn:
		_, err = a.tx.ExecContext(ctx, `INSERT INTO subject (site, handle, standing, standing_sequence, profiling_off, profiling_sequence)
			VALUES ($1, $2, 0, 0, $3, $4)
			ON CONFLICT (site, handle) DO UPDATE SET profiling_off = excluded.profiling_off, profiling_sequence = excluded.profiling_sequence`,
			site, handle, e.State == ledger.StateProfilingOff, seq)
	case ledger.StateRestricted, ledger.StateUnrestricted, ledger.StateErased:
		// Nothing lifts an erasure.
		_, err = a.tx.ExecContext(ctx, `INSERT INTO subject (site, handle, standing, standing_sequence, profiling_off, profiling_sequence)
			VALUES ($1, $2, $3, $4, FALSE, 0)
			ON CONFLICT (site, handle) DO UPDATE SET standing = excluded.standing, standing_sequence = excluded.standing_sequence
			WHERE subject.standing <> $5`,
			site, handle, int(standingOf(e.State)), seq, int(consent.StateErased))
	case ledger.StateLinked:
		_, err = a.tx.ExecContext(ctx, `INSERT INTO link (site, contact, visitor, sequence) VALUES ($1, $2, $3, $4)
			ON CONFLICT (site, contact, visitor) DO NOTHING`, site, handle, e.Linked[:], seq)
	case ledger.StateConflict:
		_, err = a.tx.ExecContext(ctx, `INSERT INTO conflict (site, contact, other, sequence) VALUES ($1, $2, $3, $4), ($1, $3, $2, $4)
			ON CONFLICT (site, contact, other) DO NOTHING`, site, handle, e.Linked[:], seq)
	case ledger.StateRequested:
		// Nothing is in force until the request is confirmed.
	case ledger.StateUnknown, ledger.StateOptedOut, ledger.StateOptedIn, ledger.StateLocated:
		err = ledger.ErrEntry
	}
	return err
}

func choiceOf(s ledger.State) consent.Choice {
	switch s {
	case ledger.StateGiven, ledger.StateRenewed:
		return consent.ChoiceGiven
	case ledger.StateExpired:
		return consent.ChoiceUnset
	case ledger.StateRefused:
		return consent.ChoiceRefused
	case ledger.StateObjected:
		return consent.ChoiceObjected
	default:
		return consent.ChoiceWithdrawn
	}
}

func standingOf(s ledger.State) consent.State {
	switch s {
	case ledger.StateUnrestricted:
		return consent.StateActive
	case ledger.StateRestricted:
		return consent.StateRestricted
	default:
		return consent.StateErased
	}
}

// MaxAffected is how many handles one Change names.
const MaxAffected = 4096

// affected adds the handles whose Records an entry changes: what reading.reach
// follows, the other way round. done are the subjects it was asked about before.
func (a *appender) affected(ctx context.Context, c *Change, done []event.Handle, e *ledger.Entry) ([]event.Handle, error) {
	switch {
	case e.State == ledger.StateLinked:
		c.add(e.Linked)
		return done, nil
	case c.Everyone || slices.Contains(done, e.Subject):
		return done, nil
	case e.State == ledger.StateConflict:
		// The two, and whoever is a visitor of either; both are conflicting now.
		return append(done, e.Subject), a.reached(ctx, c, `SELECT $2 UNION ALL SELECT $3
			UNION ALL SELECT visitor FROM link WHERE site = $1 AND contact = $2
			UNION ALL SELECT visitor FROM link WHERE site = $1 AND contact = $3 LIMIT $4`,
			string(e.Site), e.Subject[:], e.Linked[:], MaxAffected+1)
	default:
		return append(done, e.Subject), a.reached(ctx, c, `SELECT $2
			UNION ALL SELECT other FROM conflict WHERE site = $1 AND contact = $2
			UNION ALL SELECT visitor FROM link WHERE site = $1 AND contact = $2
			UNION ALL SELECT l.visitor FROM conflict c JOIN link l ON l.site = c.site AND l.contact = c.other
			WHERE c.site = $1 AND c.contact = $2 LIMIT $3`,
			string(e.Site), e.Subject[:], MaxAffected+1)
	}
}

// reached adds the handles that a query finds.
func (a *appender) reached(ctx context.Context, c *Change, query string, args ...any) error {
	return all(ctx, a.tx, query, args, func(rows *sql.Rows) error {
		var h event.Handle
		if err := rows.Scan((*handleColumn)(&h)); err != nil {
			return err
		}
		c.add(h)
		return nil
	})
}

func all(ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// add names a handle, or everyone once there are too many of them.
func (c *Change) add(h event.Handle) {
	if c.Everyone || len(c.Affected) >= MaxAffected {
		c.Affected, c.Everyone = nil, true
		return
	}
	c.Affected = append(c.Affected, h)
}

// handleColumn reads a handle from a row.
type handleColumn event.Handle

// Scan implements sql.Scanner.
func (h *handleColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h) {
		return errors.New("a pseudonym in the control store is damaged")
	}
	copy(h[:], b)
	return nil
}
