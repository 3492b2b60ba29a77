package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"zgoda/control/ledger"
)

// The errors of a move.
var (
	ErrNothingToMove = errors.New("there is no control store in a file to move")
	ErrNotEmpty      = errors.New("the PostgreSQL database is not empty: a store is moved into an empty one only")
	ErrGatewayThere  = errors.New("a gateway runs on the PostgreSQL database: stop it first")
)

// Moved is what a move has copied.
type Moved struct {
	Heads []ledger.Head // of the ledger's chains, by writer
	Rows  map[string]int64
}

// Move copies the store in the SQLite file at cfg.Path into the empty PostgreSQL
// database at cfg.Address, under the node's name, and leaves the file as it is. No
// process may have the file open (ErrInUse), nor the database (ErrGatewayThere,
// ErrNodeTaken). The ledger is verified before it is copied, and the copy, with
// the count of each table, before it counts: everything is one transaction, so
// that a move which failed has left the database empty and can be tried again.
func Move(ctx context.Context, cfg Config) (m Moved, err error) {
	if err := cfg.Validate(); err != nil {
		return m, err
	}
	if cfg.Path == "" || cfg.Address == "" {
		return m, errors.New("control: a move needs a file and an address")
	}
	if _, err := os.Stat(cfg.Path); errors.Is(err, fs.ErrNotExist) {
		return m, ErrNothingToMove
	}
	own := cfg
	own.Address, own.LockWait = "", 0
	from, err := Open(ctx, own)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if m.Heads, err = from.Verify(ctx); err != nil {
		return m, fmt.Errorf("look at what is to be moved: %w", err)
	}
	to, err := Open(ctx, cfg)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	target, ok := to.db.(*postgres)
	if !ok {
		return m, errors.New("control: a move needs an address")
	}
	mv := moving{from: from.db.plain(), heads: m.Heads, claimant: target.claimant()}
	if err := mv.into(ctx, cfg); err != nil {
		return Moved{}, fmt.Errorf("move the control store: %w", withoutAddress(err))
	}
	m.Rows = mv.rows
	return m, nil
}

// moving is one move.
type moving struct {
	from     *sql.DB
	to       *sql.Conn
	claimant string
	heads    []ledger.Head
	tables   []table // all but head
	rows     map[string]int64
}

// table is one that is copied whole; both databases have the same columns.
type table struct {
	name    string
	columns []string
	truths  []bool // of them, those that are true or false
}

// into copies on a connection of its own, whose statements take their time.
func (m *moving) into(ctx context.Context, cfg Config) (err error) {
	slow, err := pgx.ParseConfig(cfg.Address)
	if err != nil {
		return ErrAddress
	}
	session(slow, cfg)
	slow.RuntimeParams["statement_timeout"], slow.RuntimeParams["idle_in_transaction_session_timeout"] = "0", "0"
	slow.RuntimeParams["application_name"] = m.claimant
	db := stdlib.OpenDB(*slow)
	defer func() { err = errors.Join(err, db.Close()) }()
	if m.to, err = db.Conn(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.to.Close()) }()
	if _, err = m.to.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	if err = m.all(ctx); err == nil {
		_, err = m.to.ExecContext(ctx, "COMMIT")
		return err
	}
	_, _ = m.to.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // closing does the same
	return err
}

// all does everything within the transaction.
func (m *moving) all(ctx context.Context) error {
	if err := m.findTables(ctx); err != nil {
		return err
	}
	if err := m.reserve(ctx); err != nil {
		return err
	}
	m.rows = make(map[string]int64, len(m.tables))
	for _, t := range m.tables {
		if err := m.copy(ctx, t); err != nil {
			return fmt.Errorf("copy the table %s: %w", t.name, err)
		}
	}
	if err := m.numberOn(ctx); err != nil {
		return err
	}
	at, err := readSequence(ctx, m.from)
	if err != nil {
		return err
	}
	if _, err := m.to.ExecContext(ctx, `UPDATE head SET sequence = $1 WHERE id = 1`, int64(at)); err != nil {
		return err
	}
	return m.check(ctx)
}

// findTables reads the tables of both, which must be the same.
func (m *moving) findTables(ctx context.Context) error {
	there, err := readTables(ctx, m.to, `SELECT table_name, column_name, data_type = 'boolean' FROM information_schema.columns
		WHERE table_schema = current_schema() ORDER BY table_name, column_name`)
	if err != nil {
		return err
	}
	here, err := readTables(ctx, m.from, `SELECT t.name, c.name, c.type = 'BOOLEAN' FROM sqlite_master t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.name`)
	if err != nil {
		return err
	}
	same := func(a, b table) bool {
		return a.name == b.name && slices.Equal(a.columns, b.columns) && slices.Equal(a.truths, b.truths)
	}
	if len(there) == 0 || !slices.EqualFunc(here, there, same) {
		return errors.New("the file and the database do not have the same tables")
	}
	m.tables = there
	return nil
}

// readTables reads tables and columns, in order, and whether a column is of truths,
// without the tables that hold no rows of ours.
func readTables(ctx context.Context, q querier, query string) (tables []table, err error) {
	err = all(ctx, q, query, nil, func(rows *sql.Rows) error {
		var name, column string
		var truth bool
		if err := rows.Scan(&name, &column, &truth); err != nil || name == "head" || name == "goose_db_version" {
			return err
		}
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		last := &tables[len(tables)-1]
		last.columns, last.truths = append(last.columns, column), append(last.truths, truth)
		return nil
	})
	return tables, err
}

// reserve makes sure that nobody else is there, and nothing.
func (m *moving) reserve(ctx context.Context) error {
	others := 0
	err := m.to.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE 'zgoda %' AND application_name <> $1`, m.claimant).Scan(&others)
	if err == nil && others > 0 {
		err = ErrGatewayThere
	}
	if err != nil {
		return err
	}
	for _, name := range append([]string{"head"}, names(m.tables)...) {
		if _, err := m.to.ExecContext(ctx, "LOCK TABLE "+pgx.Identifier{name}.Sanitize()+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	at, err := readSequence(ctx, m.to)
	if err == nil && at != 0 {
		err = ErrNotEmpty
	}
	if err != nil {
		return err
	}
	for _, name := range names(m.tables) {
		if n, err := count(ctx, m.to, name); err != nil || n > 0 {
			return errors.Join(err, ErrNotEmpty)
		}
	}
	return nil
}

func names(tables []table) (all []string) {
	for _, t := range tables {
		all = append(all, t.name)
	}
	return all
}

func count(ctx context.Context, q querier, table string) (n int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()).Scan(&n)
	return n, err
}

// check counts every table in both, and walks the chains of the copy.
func (m *moving) check(ctx context.Context) error {
	for _, name := range names(m.tables) {
		here, err := count(ctx, m.from, name)
		if err != nil {
			return err
		}
		there, err := count(ctx, m.to, name)
		if err != nil {
			return err
		}
		if here != there || m.rows[name] != there {
			return fmt.Errorf("the table %s has %d rows in the file and %d in the database", name, here, there)
		}
	}
	heads, err := verifyAll(ctx, m.to, nil)
	if err != nil {
		return fmt.Errorf("verify the copy: %w", err)
	}
	if !slices.Equal(heads, m.heads) {
		return errors.New("verify the copy: the ledger has other ends than in the file")
	}
	return nil
}
