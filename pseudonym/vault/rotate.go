package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/pseudonym/keyring"
)

// Rewrap seals up to limit contacts whose numbers are above from under the current
// slot key, in one transaction. Doing it again changes nothing.
func (v *Vault) Rewrap(ctx context.Context, from ContactID, limit int) (next ContactID, done bool, err error) {
	err = v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		rows, err := contactsAfter(ctx, tx, from, limit)
		if err != nil {
			return nil, err
		}
		next, done = from, len(rows) < limit
		update, err := tx.PrepareContext(ctx, "UPDATE contacts SET slot = $1, salt = $2, dek = $3 WHERE id = $4")
		if err != nil {
			return nil, err
		}
		defer update.Close() //nolint:errcheck // the transaction ends it
		for _, r := range rows {
			next = r.id
			if r.slot == v.slots.Current() {
				continue
			}
			fresh, err := v.sealAgain(r)
			if err != nil {
				return nil, err
			}
			if _, err := update.ExecContext(ctx, fresh.slot, fresh.salt, orNull(fresh.dek), fresh.id); err != nil {
				return nil, err
			}
		}
		return nil, nil //nolint:nilnil // memory has nothing to follow
	})
	if err != nil {
		return 0, false, fmt.Errorf("re-wrap contacts: %w", err)
	}
	return next, done, nil
}

// sealAgain seals a contact under the current slot key.
func (v *Vault) sealAgain(r row) (row, error) {
	salt, err := v.openSalt(r)
	if err != nil {
		return row{}, err
	}
	defer clear(salt[:])
	dek, err := v.openDEK(r)
	if err != nil {
		return row{}, err
	}
	defer clear(dek)
	return v.sealContact(r.id, salt, dek)
}

func contactsAfter(ctx context.Context, q querier, from ContactID, limit int) ([]row, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, slot, salt, dek FROM contacts WHERE id > $1 ORDER BY id LIMIT $2", from, limit)
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.slot, &r.salt, &r.dek); err != nil {
			return nil, fmt.Errorf("read contacts: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	return all, nil
}

// kept is an identifier with everything that is kept of it.
type kept struct {
	identifier
	stale int
}

func identifiersAfter(ctx context.Context, q querier, after keyring.Index, limit int) ([]kept, error) {
	rows, err := q.QueryContext(ctx, "SELECT h2, contact, link, gate, stale FROM identifiers WHERE h2 > $1 ORDER BY h2 LIMIT $2", after[:], limit)
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []kept
	for rows.Next() {
		var k kept
		var h2 []byte
		if err := rows.Scan(&h2, &k.contact, &k.made.Link, &k.made.Gate, &k.stale); err != nil {
			return nil, fmt.Errorf("read identifiers: %w", err)
		}
		if len(h2) != len(k.index) {
			return nil, ErrSalt
		}
		k.index = keyring.Index(h2)
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read identifiers: %w", err)
	}
	return all, nil
}

// Reindex looks at up to limit identifiers behind an index, in one transaction,
// and gives those whose chain is one shorter than link a new index. Doing it again
// changes nothing.
func (v *Vault) Reindex(ctx context.Context, link uint32, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (next keyring.Index, done bool, err error) {
	err = v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		rows, err := identifiersAfter(ctx, tx, after, limit)
		if err != nil {
			return nil, err
		}
		next, done = after, len(rows) < limit
		var moves []move
		for _, k := range rows {
			next = k.index
			if k.made.Link+1 != link {
				continue
			}
			was := k.index
			k.index, k.made.Link = to(k.index), link
			if err := reindex(ctx, tx, was, k); err != nil {
				return nil, err
			}
			moves = append(moves, move{was, k.identifier})
		}
		return func() error { return v.followMoves(moves) }, nil
	})
	if err != nil {
		return keyring.Index{}, false, fmt.Errorf("re-key identifiers: %w", err)
	}
	return next, done, nil
}

// move is an identifier with its index before.
type move struct {
	was keyring.Index
	now identifier
}

// reindex writes an identifier under its new index. If that is there, as no order
// of calls that is allowed makes it, both lead to the older contact.
func reindex(ctx context.Context, tx *sql.Tx, was keyring.Index, k kept) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM identifiers WHERE h2 = $1", was[:]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO identifiers (h2, contact, link, gate, stale) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (h2) DO UPDATE SET contact = excluded.contact WHERE excluded.contact < identifiers.contact`,
		k.index[:], k.contact, k.made.Link, k.made.Gate, k.stale)
	return err
}

func (v *Vault) followMoves(moves []move) error {
	for _, m := range moves {
		if id, _, known := v.table.Get(m.now.index); !known || ContactID(id) > m.now.contact {
			if err := v.led(m.now.index, m.now.contact); err != nil {
				return err
			}
		}
		v.table.Unlead(m.was)
	}
	return nil
}

// Retire looks at up to limit identifiers behind an index, in one transaction, and
// removes those that a version of K_gate is behind. A contact that nothing leads to
// any more stays, and its rows with it.
func (v *Vault) Retire(ctx context.Context, gate uint32, after keyring.Index, limit int) (next keyring.Index, done bool, err error) {
	var gone []identifier
	err = v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		rows, err := identifiersAfter(ctx, tx, after, limit)
		if err != nil {
			return nil, err
		}
		next, done = after, len(rows) < limit
		var of []ContactID
		for _, k := range rows {
			next = k.index
			if k.made.Gate != gate {
				continue
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM identifiers WHERE h2 = $1", k.index[:]); err != nil {
				return nil, err
			}
			gone, of = append(gone, k.identifier), append(of, k.contact)
		}
		if len(of) > 0 {
			if err := v.db.changed(ctx, tx, of...); err != nil {
				return nil, err
			}
		}
		return func() error {
			for _, k := range gone {
				v.table.Unlead(k.index)
			}
			return nil
		}, nil
	})
	if err != nil {
		return keyring.Index{}, false, fmt.Errorf("retire identifiers: %w", err)
	}
	return next, done, nil
}

// Progress returns how far something is; nil: nothing is under way.
func (v *Vault) Progress(ctx context.Context, name string) ([]byte, error) {
	var state []byte
	err := v.db.QueryRowContext(ctx, "SELECT state FROM progress WHERE name = $1", name).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	return state, nil
}

// SetProgress keeps how far something is, durably; nil removes it.
func (v *Vault) SetProgress(ctx context.Context, name string, state []byte) error {
	err := v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		if state == nil {
			_, err := tx.ExecContext(ctx, "DELETE FROM progress WHERE name = $1", name)
			return nil, err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO progress (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state", name, state)
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	return nil
}

// countAtOnce is how many rows a count reads before it lets others write.
const countAtOnce = 20_000

// Remaining counts what is still under a version of each key. It reads everything,
// in parts, so that who writes meanwhile waits for one of them only.
func (v *Vault) Remaining(ctx context.Context, slot, link, gate uint32) (slots, links, gates uint64, err error) {
	for from, n := ContactID(0), countAtOnce; n == countAtOnce; {
		var some uint64
		err := v.db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(CASE WHEN slot = $1 THEN 1 ELSE 0 END), 0), coalesce(max(id), 0) FROM (SELECT id, slot FROM contacts WHERE id > $2 ORDER BY id LIMIT $3) AS part",
			slot, from, countAtOnce).Scan(&n, &some, &from)
		if err != nil {
			return 0, 0, 0, fmt.Errorf("count contacts: %w", err)
		}
		slots += some
	}
	var after keyring.Index
	for done := false; !done; {
		var l, g uint64
		if after, done, l, g, err = v.remainingIdentifiers(ctx, after, link, gate); err != nil {
			return 0, 0, 0, fmt.Errorf("count identifiers: %w", err)
		}
		links, gates = links+l, gates+g
	}
	return slots, links, gates, nil
}

func (v *Vault) remainingIdentifiers(ctx context.Context, after keyring.Index, link, gate uint32) (next keyring.Index, done bool, links, gates uint64, err error) {
	rows, err := v.db.QueryContext(ctx, "SELECT h2, link, gate, stale FROM identifiers WHERE h2 > $1 ORDER BY h2 LIMIT $2", after[:], countAtOnce)
	if err != nil {
		return next, false, 0, 0, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	n := 0
	for rows.Next() {
		var h2 sql.RawBytes
		var l, g uint32
		var stale int
		if err := rows.Scan(&h2, &l, &g, &stale); err != nil {
			return next, false, 0, 0, err
		}
		n++
		copy(next[:], h2)
		if l == link {
			links++
		}
		if g == gate && stale == 0 {
			gates++
		}
	}
	return next, n < countAtOnce, links, gates, rows.Err()
}
