package engine_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// bare runs one statement as any client of the native protocol could, with no
// care taken, and returns the first column as text.
func bare(ctx context.Context, address, user, password, sql string) (string, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{address}, Auth: clickhouse.Auth{Username: user, Password: password}, DialTimeout: 2 * time.Second,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if !strings.HasPrefix(sql, "SELECT") {
		return "", conn.Exec(ctx, sql)
	}
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	var out strings.Builder
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return out.String(), err
		}
		fmt.Fprint(&out, v)
	}
	return out.String(), rows.Err()
}
