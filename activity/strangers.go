package activity

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// numbers are the views that show numbers alone.
var numbers = []string{"daily_activity", "daily_visitors"}

// Strangers returns the names of tables and views of the database that are none of
// ours: no erasure goes through them.
func (s *Store) Strangers(ctx context.Context) (names []string, err error) {
	rows, err := s.conn.Query(ctx, "SELECT name FROM system.tables WHERE database = $1 ORDER BY name", s.database)
	if err != nil {
		return nil, classify("list the tables", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list the tables: %w", err)
		}
		if !ours(name) {
			names = append(names, name)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, classify("list the tables", err)
	}
	return names, nil
}

func ours(table string) bool {
	return slices.Contains(Lasting, table) || slices.Contains(PersonalViews, table) || slices.Contains(numbers, table) ||
		table == lockTable || strings.HasPrefix(table, stampPrefix) ||
		slices.ContainsFunc(PersonalTables, func(p PersonalTable) bool { return p.Is(table) })
}
