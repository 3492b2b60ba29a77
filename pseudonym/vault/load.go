package vault

import (
	"context"
	"database/sql"
	"fmt"

	"golang.org/x/sync/errgroup"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// Rows are read by one goroutine and taken into memory by another, so many at a
// time: a large vault opens in half the time.
const (
	loadRows  = 1024
	loadAhead = 4
)

// pipe hands rows over from read to take, in their order.
func pipe[T any](ctx context.Context, read func(put func(T) error) error, take func([]T) error) error {
	full := make(chan []T, loadAhead)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(full)
		batch := make([]T, 0, loadRows)
		send := func() error {
			select {
			case full <- batch:
				batch = make([]T, 0, loadRows)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := read(func(row T) error {
			batch = append(batch, row)
			if len(batch) == loadRows {
				return send()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return send()
	})
	group.Go(func() error {
		for batch := range full {
			if err := take(batch); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// readContacts reads all contacts into memory, which has none.
func (v *Vault) readContacts(ctx context.Context, q querier) error {
	return pipe(ctx, func(put func(row) error) error {
		rows, err := q.QueryContext(ctx, "SELECT id, slot, salt, seen FROM contacts ORDER BY id")
		if err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.id, &r.slot, &r.salt, &r.seen); err != nil {
				return fmt.Errorf("read contacts: %w", err)
			}
			if err := put(r); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		return nil
	}, func(batch []row) error {
		for _, r := range batch {
			salt, err := v.openSalt(r)
			if err != nil {
				return err
			}
			slot, err := v.table.Add(int64(r.id), salt)
			if err != nil {
				return err
			}
			v.table.SetSeen(slot, r.seen)
			v.last = r.id
		}
		return nil
	})
}

// lead is an identifier and the contact that it leads to.
type lead struct {
	index keyring.Index
	to    ContactID
}

// readIdentifiers reads where identifiers lead into memory.
func (v *Vault) readIdentifiers(ctx context.Context, q querier, query string, args ...any) error {
	var last ContactID
	var slot table.Slot
	return pipe(ctx, func(put func(lead) error) error {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("read identifiers: %w", err)
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		for rows.Next() {
			var h2 sql.RawBytes
			var l lead
			if err := rows.Scan(&h2, &l.to); err != nil {
				return fmt.Errorf("read identifiers: %w", err)
			}
			if len(h2) != len(l.index) {
				return fmt.Errorf("an identifier has another length: %w", ErrSalt)
			}
			l.index = keyring.Index(h2)
			if err := put(l); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read identifiers: %w", err)
		}
		return nil
	}, func(batch []lead) error {
		for _, l := range batch {
			if l.to != last || last == 0 {
				var known bool
				if slot, known = v.table.ByID(int64(l.to)); !known {
					return fmt.Errorf("an identifier leads to no contact: %w", ErrSalt)
				}
				last = l.to
			}
			if err := v.table.Lead(l.index, slot); err != nil {
				return err
			}
		}
		return nil
	})
}
