package control

import (
	"context"
	"database/sql"
	"errors"

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
	case ledger.StateGiven, ledger.StateRefused, ledger.StateWithdrawn, ledger.StateObjected:
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
	case ledger.StateUnknown:
		err = ledger.ErrEntry
	}
	return err
}

func choiceOf(s ledger.State) consent.Choice {
	switch s {
	case ledger.StateGiven:
		return consent.ChoiceGiven
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

// affected adds the handles whose Records an entry changes.
func (a *appender) affected(ctx context.Context, to []event.Handle, e *ledger.Entry) (_ []event.Handle, err error) {
	if e.State == ledger.StateLinked {
		return add(to, e.Linked), nil
	}
	known := len(to)
	if to = add(to, e.Subject); len(to) == known {
		return to, nil // and with it its visitors
	}
	rows, err := a.tx.QueryContext(ctx, `SELECT visitor FROM link WHERE site = $1 AND contact = $2`, string(e.Site), e.Subject[:])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h event.Handle
		if err := rows.Scan((*handleColumn)(&h)); err != nil {
			return nil, err
		}
		to = add(to, h)
	}
	return to, rows.Err()
}

// add appends h unless it is the subject of the same change already. Only the
// few subjects of one change come twice, so the first ones are looked at.
func add(to []event.Handle, h event.Handle) []event.Handle {
	for i := range min(len(to), 8) {
		if to[i] == h {
			return to
		}
	}
	return append(to, h)
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
