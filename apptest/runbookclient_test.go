package apptest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// query serves clickhouse-client: the server's answer, a row a line, or its error.
func (o *operated) query(w http.ResponseWriter, r *http.Request) {
	statement, err := io.ReadAll(r.Body)
	if err == nil {
		err = o.ask(r.Context(), string(statement), w)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// ask lets the server's administrator run a statement.
func (o *operated) ask(ctx context.Context, statement string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{o.engine.access.Address}, Auth: clickhouse.Auth{
		Database: "zgoda", Username: o.engine.access.Admin.User, Password: o.engine.access.Admin.Password.Reveal(),
	}})
	if err != nil {
		return fmt.Errorf("reach ClickHouse: %w", err)
	}
	defer conn.Close()
	if verb, _, _ := strings.Cut(strings.TrimSpace(statement), " "); verb != "SELECT" && verb != "SHOW" && verb != "KILL" {
		return conn.Exec(ctx, statement)
	}
	rows, err := conn.Query(ctx, statement)
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var cells []any
		for _, c := range rows.ColumnTypes() {
			cells = append(cells, reflect.New(c.ScanType()).Interface())
		}
		if err := rows.Scan(cells...); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		for i, c := range cells {
			_, _ = fmt.Fprintf(w, "%s%v", strings.Repeat("\t", min(i, 1)), reflect.ValueOf(c).Elem().Interface())
		}
		_, _ = fmt.Fprintln(w)
	}
	return rows.Err()
}
