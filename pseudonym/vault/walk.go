package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// UpdateAfter looks at up to limit contacts whose numbers are above from, and
// changes the rows of those that have data, all in one transaction. It is durable
// when it returns. next is the last number that was looked at; looked is less than
// limit at the end of all.
func (v *Vault) UpdateAfter(ctx context.Context, from ContactID, limit int, do func(ContactID, Contents) error) (next ContactID, looked int, err error) {
	next, looked, err = v.lastAfter(ctx, from, limit)
	if err != nil || looked == 0 {
		return from, 0, err
	}
	with, err := v.withData(ctx, from, next)
	if err != nil || len(with) == 0 {
		return next, looked, err
	}
	if err := v.UpdateEach(ctx, with, do); err != nil {
		return from, 0, fmt.Errorf("go over contacts: %w", err)
	}
	return next, looked, nil
}

// UpdateEach changes the rows of several contacts, each named once, in one transaction.
// It is durable when it returns. Those that are not there are passed over.
func (v *Vault) UpdateEach(ctx context.Context, ids []ContactID, do func(ContactID, Contents) error) error {
	return v.change(ctx, ids, v.updating(ids, do))
}

// NoteEach is UpdateEach for what events say: what it replaces is in no file only Settle
// after it returned.
func (v *Vault) NoteEach(ctx context.Context, ids []ContactID, do func(ContactID, Contents) error) error {
	return v.note(ctx, ids, v.updating(ids, do))
}

// updating changes the rows of contacts inside a transaction.
func (v *Vault) updating(ids []ContactID, do func(ContactID, Contents) error) func(context.Context, *sql.Tx) (func() error, error) {
	return func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		moved := newMoves()
		for _, id := range ids {
			if err := v.updateOne(ctx, tx, id, moved, do); err != nil {
				return nil, err
			}
		}
		return func() error { return moved.follow(v) }, nil
	}
}

// updateOne changes the rows of a contact, if it is still there.
func (v *Vault) updateOne(ctx context.Context, tx *sql.Tx, id ContactID, moved *moves, do func(ContactID, Contents) error) error {
	if _, err := readContact(ctx, tx, id); errors.Is(err, ErrUnknown) {
		return nil
	} else if err != nil {
		return err
	}
	c := &contents{ctx: ctx, v: v, tx: tx, id: id, write: true, moved: moved}
	defer c.wipe()
	if err := do(id, c); err != nil {
		return err
	}
	if !c.unleads {
		return nil
	}
	return v.db.changed(ctx, tx, id)
}

// lastAfter returns how many contacts there are above a number, limit at most, and
// the last number of those.
func (v *Vault) lastAfter(ctx context.Context, from ContactID, limit int) (last ContactID, n int, err error) {
	err = v.db.QueryRowContext(ctx, "SELECT count(*), coalesce(max(id), 0) FROM (SELECT id FROM contacts WHERE id > $1 ORDER BY id LIMIT $2) AS part",
		from, limit).Scan(&n, &last)
	if err != nil {
		return 0, 0, fmt.Errorf("read contacts: %w", err)
	}
	return last, n, nil
}

// withData returns the contacts above from, up to and with to, of whom there are data.
func (v *Vault) withData(ctx context.Context, from, to ContactID) (ids []ContactID, err error) {
	rows, err := v.db.QueryContext(ctx, "SELECT DISTINCT contact FROM data WHERE contact > $1 AND contact <= $2 ORDER BY contact", from, to)
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var id ContactID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read data: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	return ids, nil
}
