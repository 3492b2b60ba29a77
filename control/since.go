package control

import (
	"context"
	"database/sql"
	"fmt"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Since returns the entries about one data subject after a sequence, oldest first,
// at most limit of them.
func (s *Store) Since(ctx context.Context, site event.SiteID, subject event.Handle, after event.Sequence, limit int) ([]ledger.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var entries []ledger.Entry
	err := all(ctx, s.db.plain(), `SELECT `+entryColumns+` FROM parts p JOIN ledger l ON l.sequence = p.sequence
		WHERE p.subject = $1 AND p.sequence > $2 AND l.site = $3 ORDER BY l.sequence LIMIT $4`,
		[]any{subject[:], int64(after), string(site), limit}, func(rows *sql.Rows) error {
			e, err := scanEntry(rows)
			entries = append(entries, e.Entry)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read what changed: %w", err)
	}
	return entries, nil
}
