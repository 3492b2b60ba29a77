package vault

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"zgoda/pseudonym/keyring"
)

// Rewrap seals up to limit contacts whose numbers are above from under the current
// slot key, and the cases of visitors at the end, in one transaction. Doing it again
// changes nothing.
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
		if done {
			done, err = v.rewrapCases(ctx, tx, limit)
		}
		return nil, err
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
	rows, err := q.QueryContext(ctx, "SELECT id, slot, salt, dek, seen FROM contacts WHERE id > $1 ORDER BY id LIMIT $2", from, limit)
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.slot, &r.salt, &r.dek, &r.seen); err != nil {
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

// cursor is the place behind a contact, in the form that callers keep it in.
func cursor(id ContactID) (c keyring.Index) {
	binary.BigEndian.PutUint64(c[:], uint64(id))
	return c
}

// identifiersAfter reads the identifiers of the next contacts, of each all: about
// limit, more for a contact that has more. It returns the cursor behind them.
func identifiersAfter(ctx context.Context, q querier, after keyring.Index, limit int) (all []kept, next keyring.Index, done bool, err error) {
	from := int64(binary.BigEndian.Uint64(after[:8]))
	all, err = readKept(ctx, q, "SELECT h2, contact, link, gate, stale FROM identifiers WHERE contact > $1 ORDER BY contact LIMIT $2", from, limit)
	if err != nil || len(all) == 0 {
		return nil, after, true, err
	}
	if len(all) < limit {
		return all, cursor(all[len(all)-1].contact), true, nil
	}
	last := all[len(all)-1].contact // not all of it may be here
	if all[0].contact == last {
		all, err = readKept(ctx, q, "SELECT h2, contact, link, gate, stale FROM identifiers WHERE contact = $1", last)
		return all, cursor(last), false, err
	}
	for all[len(all)-1].contact == last {
		all = all[:len(all)-1]
	}
	return all, cursor(all[len(all)-1].contact), false, nil
}

func readKept(ctx context.Context, q querier, query string, args ...any) ([]kept, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []kept
	for rows.Next() {
		var k kept
		var h2 sql.RawBytes
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

// Reindex looks at about limit identifiers behind a cursor, in one transaction, and
// gives those whose chain is one shorter than link a new index. Doing it again
// changes nothing.
func (v *Vault) Reindex(ctx context.Context, link uint32, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (next keyring.Index, done bool, err error) {
	err = v.changeIdentifiers(ctx, after, limit, &next, &done, func(ctx context.Context, tx *sql.Tx, rows []kept, moved *moves) error {
		rows = slices.DeleteFunc(rows, func(k kept) bool { return k.made.Link+1 != link })
		news := make([]keyring.Index, len(rows))
		for i, k := range rows {
			news[i] = to(k.index)
		}
		taken, err := v.leadTo(ctx, tx, news)
		if err != nil {
			return err
		}
		for i, k := range rows {
			if err := deleteIdentifier(ctx, tx, k.index, k.contact); err != nil {
				return err
			}
			moved.set(k.index, 0)
			k.index, k.made.Link = news[i], link
			if other, there := taken[k.index]; there {
				// No order of calls that is allowed leads here. The older contact has it.
				if other <= k.contact {
					continue
				}
				if err := deleteIdentifier(ctx, tx, k.index, other); err != nil {
					return err
				}
			}
			if err := insertKept(ctx, tx, k); err != nil {
				return err
			}
			moved.set(k.index, k.contact)
		}
		return nil
	})
	if err != nil {
		return keyring.Index{}, false, fmt.Errorf("re-key identifiers: %w", err)
	}
	return next, done, nil
}

// changeIdentifiers changes the identifiers of the next contacts in one transaction.
func (v *Vault) changeIdentifiers(ctx context.Context, after keyring.Index, limit int, next *keyring.Index, done *bool,
	do func(context.Context, *sql.Tx, []kept, *moves) error,
) error {
	unlock, err := v.lockWriting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	tx, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	rows, behind, end, err := identifiersAfter(ctx, tx, after, limit)
	if err != nil {
		return err
	}
	about := make([]ContactID, 0, len(rows))
	for _, k := range rows {
		about = append(about, k.contact)
	}
	moved := newMoves()
	if err := do(ctx, tx, rows, moved); err != nil {
		return err
	}
	if len(moved.to) > 0 {
		if err := v.commit(tx, slices.Compact(about)); err != nil {
			return err
		}
		if err := v.followed(slices.Compact(about), func() error { return moved.follow(v) }); err != nil {
			return err
		}
		if err := v.clear(ctx); err != nil {
			return err
		}
	}
	*next, *done = behind, end
	return nil
}

func deleteIdentifier(ctx context.Context, tx *sql.Tx, index keyring.Index, of ContactID) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM identifiers WHERE h2 = $1 AND contact = $2", index[:], of); err != nil {
		return fmt.Errorf("delete an identifier: %w", err)
	}
	return nil
}

func insertKept(ctx context.Context, tx *sql.Tx, k kept) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO identifiers (contact, h2, link, gate, stale) VALUES ($1, $2, $3, $4, $5)",
		k.contact, k.index[:], k.made.Link, k.made.Gate, k.stale); err != nil {
		return fmt.Errorf("write an identifier: %w", err)
	}
	return nil
}

// Retire looks at about limit identifiers behind a cursor, in one transaction, and
// removes those that a version of K_gate is behind. A contact that nothing leads to
// any more stays, and its rows with it.
func (v *Vault) Retire(ctx context.Context, gate uint32, after keyring.Index, limit int) (next keyring.Index, done bool, err error) {
	err = v.changeIdentifiers(ctx, after, limit, &next, &done, func(ctx context.Context, tx *sql.Tx, rows []kept, moved *moves) error {
		var of []ContactID
		for _, k := range rows {
			if k.made.Gate != gate {
				continue
			}
			if err := deleteIdentifier(ctx, tx, k.index, k.contact); err != nil {
				return err
			}
			moved.set(k.index, 0)
			of = append(of, k.contact)
		}
		if len(of) == 0 {
			return nil
		}
		return v.db.changed(ctx, tx, of...)
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
	var cases uint64
	if err := v.db.QueryRowContext(ctx, "SELECT count(*) FROM cases WHERE slot = $1 AND sealed IS NOT NULL", slot).Scan(&cases); err != nil {
		return 0, 0, 0, fmt.Errorf("count cases: %w", err)
	}
	slots += cases
	var after keyring.Index
	for done := false; !done; {
		var rows []kept
		if rows, after, done, err = identifiersAfter(ctx, v.db, after, countAtOnce); err != nil {
			return 0, 0, 0, fmt.Errorf("count identifiers: %w", err)
		}
		for _, k := range rows {
			if k.made.Link == link {
				links++
			}
			if k.made.Gate == gate && k.stale == 0 {
				gates++
			}
		}
	}
	return slots, links, gates, nil
}
