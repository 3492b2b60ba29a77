package control

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tables are ours. An erasure goes through each that holds something personal.
var tables = []string{
	"agreement", "anchored", "certificate", "checkpoint", "choice", "confirmation", "conflict", "erase_ack", "erase_batch", "erase_handle",
	"erased", "erasure_journal", "exported", "follower", "goose_db_version", "head", "lease", "ledger", "link", "node", "opendsr", "outbox", "parts",
	"reach", "request", "request_history", "request_review", "request_task", "retention_run", "retention_stamp", "subject", "text", "token", "writer",
}

// Strangers returns the names of tables in the store that are none of ours.
func (s *Store) Strangers(ctx context.Context) (names []string, err error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
	if s.Shared() {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`
	}
	if err := all(ctx, s.db.plain(), query, nil, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if !slices.Contains(tables, name) && !strings.HasPrefix(name, "sqlite_") {
			names = append(names, name)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list the tables of the control store: %w", err)
	}
	return names, nil
}

// Clock asks a control store that is a server for its time; ours for a file.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	if !s.Shared() {
		return time.Now(), nil
	}
	var ms int64
	if err := all(ctx, s.db.plain(), `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`, nil, func(rows *sql.Rows) error { return rows.Scan(&ms) }); err != nil {
		return time.Time{}, fmt.Errorf("ask the control store for its time: %w", err)
	}
	return time.UnixMilli(ms), nil
}
