package vault

import (
	"context"
	"database/sql"
	_ "embed" // for the schema
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"zgoda/pseudonym/keyring"
)

//go:embed postgres.sql
var postgresSchema string

//go:embed postgres2.sql
var postgresSecond string

//go:embed postgres3.sql
var postgresThird string

// postgresVersion is the version of the schema after all of these.
const postgresVersion = 3

// writersLock is the advisory lock that whoever writes holds, in any keyholder.
const writersLock = 0x7a67_7661_756c_7401

// poolSize bounds the connections of one keyholder. One of them writes.
const poolSize = 8

// ErrAddress is returned for an address that cannot be read. What is wrong with it
// is not repeated: it may hold a password.
var ErrAddress = errors.New("vault.address: not the address of a PostgreSQL database")

// postgres is a database that several keyholders share.
type postgres struct{}

// openPostgres makes a pool, with a namespace of the vault's own. Commits wait for
// the disk. Who stops in the middle of a transaction holds all others up, and is
// ended soon.
func openPostgres(cfg Config) (*sql.DB, error) {
	c, err := pgx.ParseConfig(cfg.Address)
	if err != nil {
		return nil, ErrAddress
	}
	if len(cfg.Password) > 0 {
		c.Password = string(cfg.Password)
	}
	c.ConnectTimeout = 5 * time.Second
	maps.Copy(c.RuntimeParams, map[string]string{
		"application_name": "zgoda-keyholder", "search_path": "zgoda_vault", "synchronous_commit": "on", "TimeZone": "UTC",
		"lock_timeout": "10000", "idle_in_transaction_session_timeout": "10000", "jit": "off", "client_min_messages": "warning",
	})
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	return db, nil
}

// migratePostgres makes the schema if it is not there, or brings it up to the present
// version. One keyholder does it, the others wait.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	if err := (postgres{}).begin(ctx, tx); err != nil {
		return err
	}
	have, err := postgresHas(ctx, tx)
	switch {
	case err != nil:
		return err
	case have > postgresVersion:
		return ErrVersion
	case have == postgresVersion:
		return nil
	}
	steps := []string{
		"CREATE SCHEMA IF NOT EXISTS zgoda_vault; CREATE TABLE version (number BIGINT PRIMARY KEY); INSERT INTO version VALUES (1);" + postgresSchema,
		postgresSecond, postgresThird,
	}
	for _, statement := range append(steps[have:], fmt.Sprintf("UPDATE version SET number = %d", postgresVersion)) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// postgresHas returns the version of the schema that is there; 0: none is.
func postgresHas(ctx context.Context, tx *sql.Tx) (have int, err error) {
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regclass('zgoda_vault.version') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	return have, tx.QueryRowContext(ctx, "SELECT number FROM version").Scan(&have)
}

func (postgres) shared() bool { return true }

// clear does nothing: what the server keeps of old rows is its administrator's
// (docs/format/vault.md).
func (postgres) clear(context.Context, *sql.DB) error { return nil }

func (postgres) reading() *sql.TxOptions {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

func (postgres) begin(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(writersLock)); err != nil {
		return fmt.Errorf("wait for other keyholders: %w", err)
	}
	return nil
}

func (postgres) numbers(ctx context.Context, tx *sql.Tx, n int) ([]ContactID, error) {
	rows, err := tx.QueryContext(ctx, "SELECT nextval('contact_ids') FROM generate_series(1, $1)", n)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	ids := make([]ContactID, 0, n)
	for rows.Next() {
		var id ContactID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (postgres) contacts(ctx context.Context, tx *sql.Tx, rows []row) error {
	ids, slots := make([]int64, len(rows)), make([]int64, len(rows))
	salts, deks, days := make([][]byte, len(rows)), make([][]byte, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		ids[i], slots[i], salts[i], deks[i], days[i] = int64(r.id), int64(r.slot), r.salt, r.dek, int64(r.seen)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO contacts (id, slot, salt, dek, seen) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[])",
		ids, slots, salts, deks, days)
	return err
}

func (postgres) identifiers(ctx context.Context, tx *sql.Tx, rows []identifier) error {
	if len(rows) == 0 {
		return nil
	}
	h2s := make([][]byte, len(rows))
	contacts, links, gates := make([]int64, len(rows)), make([]int64, len(rows)), make([]int64, len(rows))
	for i := range rows {
		r := &rows[i]
		h2s[i], contacts[i], links[i], gates[i] = r.index[:], int64(r.contact), int64(r.made.Link), int64(r.made.Gate)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO identifiers (h2, contact, link, gate) SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[])",
		h2s, contacts, links, gates)
	return err
}

func (postgres) find(ctx context.Context, q querier, indexes []keyring.Index) ([]found, error) {
	h2s := make([][]byte, len(indexes))
	for i := range indexes {
		h2s[i] = indexes[i][:]
	}
	rows, err := q.QueryContext(ctx, "SELECT i.h2, c.id, c.slot, c.salt, c.seen FROM identifiers i JOIN contacts c ON c.id = i.contact WHERE i.h2 = ANY($1::bytea[])", h2s)
	if err != nil {
		return nil, fmt.Errorf("look for identifiers: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []found
	for rows.Next() {
		var f found
		var h2 []byte
		if err := rows.Scan(&h2, &f.to.id, &f.to.slot, &f.to.salt, &f.to.seen); err != nil {
			return nil, fmt.Errorf("look for identifiers: %w", err)
		}
		f.index = keyring.Index(h2) // the table's check says 32 bytes
		all = append(all, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for identifiers: %w", err)
	}
	return all, nil
}

func (postgres) changed(ctx context.Context, tx *sql.Tx, ids ...ContactID) error {
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = int64(id)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO changes (seq, contact) SELECT coalesce((SELECT max(seq) FROM changes), 0) + n, id FROM unnest($1::bigint[]) WITH ORDINALITY AS u (id, n)", numbers)
	if err != nil {
		return fmt.Errorf("tell other keyholders: %w", err)
	}
	return nil
}
