package control

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// copy copies one table, row by row, by PostgreSQL's COPY.
func (m *moving) copy(ctx context.Context, t table) (err error) {
	quoted := make([]string, len(t.columns))
	for i, c := range t.columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	rows, err := m.from.QueryContext(ctx, "SELECT "+strings.Join(quoted, ", ")+" FROM "+pgx.Identifier{t.name}.Sanitize()) //nolint:gosec,rowserrcheck // names of our own tables, quoted; CopyFrom asks Err
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	from := copied{rows: rows, values: make([]any, len(t.columns)), truths: t.truths, key: -1}
	if t.name == "ledger" {
		from.key = slices.Index(t.columns, "key_hash")
	}
	return m.to.Raw(func(driver any) error {
		conn, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("not a connection to PostgreSQL")
		}
		m.rows[t.name], err = conn.Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, &from)
		return err
	})
}

// numberOn lets the database number the next entry of a request's history after
// those that were copied with their numbers.
func (m *moving) numberOn(ctx context.Context) error {
	_, err := m.to.ExecContext(ctx, `SELECT setval(pg_get_serial_sequence('request_history', 'number'),
		GREATEST((SELECT max(number) FROM request_history), 1), EXISTS (SELECT 1 FROM request_history))`)
	return err
}

// copied are the rows of a table in the file, as PostgreSQL has them.
type copied struct {
	rows   *sql.Rows
	values []any
	truths []bool
	key    int // of the column key_hash, -1 for none
}

// Next implements pgx.CopyFromSource.
func (c *copied) Next() bool { return c.rows.Next() }

// Values returns the next row. A truth may be a number in the file, and an entry
// without a key has zeros there for the hash of one.
func (c *copied) Values() ([]any, error) {
	to := make([]any, len(c.values))
	for i := range c.values {
		to[i] = &c.values[i]
	}
	if err := c.rows.Scan(to...); err != nil {
		return nil, err
	}
	for i, truth := range c.truths {
		if n, ok := c.values[i].(int64); ok && truth {
			c.values[i] = n != 0
		}
	}
	if c.key >= 0 {
		if hash, ok := c.values[c.key].([]byte); ok && string(hash) == string(make([]byte, 32)) {
			c.values[c.key] = nil
		}
	}
	return c.values, nil
}

// Err implements pgx.CopyFromSource.
func (c *copied) Err() error { return c.rows.Err() }
