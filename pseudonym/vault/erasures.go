package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Erasure is an entry of the journal of erasures.
type Erasure struct {
	ID        [16]byte
	At, Until time.Time // in milliseconds; Until: when the entry goes
	Sealed    []byte
}

// Tomb marks an identifier of who was erased, until the day's key is destroyed.
type Tomb struct {
	Key    string // of the day
	Tag    [16]byte
	Link   uint32 // length of the chain of K_link that made its index
	Cutoff time.Time
}

// readErasure returns an entry of the journal, or ErrNoCase.
func readErasure(ctx context.Context, q querier, id [16]byte) (Erasure, error) {
	e := Erasure{ID: id}
	var at, until int64
	err := q.QueryRowContext(ctx, "SELECT at, until, sealed FROM erasures WHERE id = $1", id[:]).Scan(&at, &until, &e.Sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrNoCase
	}
	if err != nil {
		return e, fmt.Errorf("read the journal of erasures: %w", err)
	}
	e.At, e.Until = time.UnixMilli(at).UTC(), time.UnixMilli(until).UTC()
	return e, nil
}

func writeErasure(ctx context.Context, tx *sql.Tx, e *Erasure) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO erasures (id, at, until, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
		e.ID[:], e.At.UnixMilli(), e.Until.UnixMilli(), e.Sealed)
	if err != nil {
		return fmt.Errorf("write to the journal of erasures: %w", err)
	}
	return nil
}

// writeTombs writes tombstones. One that is there again with a later cut-off is told to
// other keyholders again.
func (v *Vault) writeTombs(ctx context.Context, tx *sql.Tx, tombs []Tomb) error {
	again := ""
	if v.db.shared() {
		again = ", n = DEFAULT"
	}
	for i := range tombs {
		t := &tombs[i]
		_, err := tx.ExecContext(ctx, `INSERT INTO tombstones (key, tag, link, cutoff) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key, tag) DO UPDATE SET cutoff = CASE WHEN excluded.cutoff > tombstones.cutoff THEN excluded.cutoff ELSE tombstones.cutoff END`+again,
			t.Key, t.Tag[:], t.Link, t.Cutoff.UnixMilli())
		if err != nil {
			return fmt.Errorf("write a tombstone: %w", err)
		}
	}
	return nil
}

// EachErasure goes over the ids of the journal, in their order. What is written meanwhile
// may be left out.
func (v *Vault) EachErasure(ctx context.Context, yield func(id [16]byte) error) error {
	after := []byte{}
	for {
		var list [][]byte
		err := each(ctx, v.db, "SELECT id FROM erasures WHERE id > $1 ORDER BY id LIMIT $2", func(scan scanner) error {
			var id []byte
			err := scan(&id)
			list = append(list, id)
			return err
		}, after, caseRows)
		if err != nil {
			return fmt.Errorf("list the journal of erasures: %w", err)
		}
		for _, id := range list {
			if err := yield([16]byte(id)); err != nil {
				return err
			}
		}
		if len(list) < caseRows {
			return nil
		}
		after = list[len(list)-1]
	}
}

// Erasures returns entries of the journal. Those that are not there are left out.
func (v *Vault) Erasures(ctx context.Context, ids [][16]byte) (list []Erasure, err error) {
	for _, id := range ids {
		e, err := readErasure(ctx, v.db, id)
		if errors.Is(err, ErrNoCase) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// EndErasures takes entries out of the journal whose time is over, and returns how many
// there were.
func (v *Vault) EndErasures(ctx context.Context, now time.Time) (ended int64, err error) {
	err = v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		result, err := tx.ExecContext(ctx, "DELETE FROM erasures WHERE until <= $1", now.UnixMilli())
		if err != nil {
			return nil, err
		}
		ended, err = result.RowsAffected()
		return nil, err
	})
	if err != nil {
		return 0, fmt.Errorf("end entries of the journal of erasures: %w", err)
	}
	return ended, nil
}

// EachTomb goes over the tombstones behind a cursor, which begins at 0, and returns the
// cursor to go on from. Without several keyholders all are told each time.
func (v *Vault) EachTomb(ctx context.Context, after int64, yield func(Tomb)) (next int64, err error) {
	next = after
	query, args := "SELECT 0, key, tag, link, cutoff FROM tombstones", []any(nil)
	if v.db.shared() {
		query, args = "SELECT n, key, tag, link, cutoff FROM tombstones WHERE n > $1 ORDER BY n", []any{after}
	}
	err = each(ctx, v.db, query, func(scan scanner) error {
		var t Tomb
		var tag []byte
		var n, cutoff int64
		if err := scan(&n, &t.Key, &tag, &t.Link, &cutoff); err != nil {
			return err
		}
		t.Tag, t.Cutoff = [16]byte(tag), time.UnixMilli(cutoff).UTC()
		next = max(next, n)
		yield(t)
		return nil
	}, args...)
	if err != nil {
		return after, fmt.Errorf("read tombstones: %w", err)
	}
	return next, nil
}

// EndTombs removes the tombstones whose day's key is none of those that are kept.
func (v *Vault) EndTombs(ctx context.Context, kept []string) error {
	err := v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		live := make(map[string]bool, len(kept))
		for _, key := range kept {
			live[key] = true
		}
		var gone []string
		err := each(ctx, tx, "SELECT DISTINCT key FROM tombstones", func(scan scanner) error {
			var key string
			err := scan(&key)
			if !live[key] {
				gone = append(gone, key)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, key := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM tombstones WHERE key = $1", key); err != nil {
				return nil, err
			}
		}
		return nil, nil //nolint:nilnil // memory has nothing to follow
	})
	if err != nil {
		return fmt.Errorf("end tombstones: %w", err)
	}
	return nil
}
