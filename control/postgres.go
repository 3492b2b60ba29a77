package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// postgres keeps the store in a database that several nodes share.
type postgres struct {
	cfg      Config
	instance string // of this process, among those that listen
	pool     *pgxpool.Pool
	rare     *sql.DB // over pool
	heard    hearing
	ear      atomic.Pointer[pgx.Conn] // holds the node's name until watch hears on it
	closed   atomic.Bool
}

// poolConnections bounds the connections beside the two of the watch.
const poolConnections = 10

// ErrAddress is returned for an address that cannot be read. What is wrong with
// it is not repeated: it may hold a password.
var ErrAddress = errors.New("control: not the address of a PostgreSQL database")

func openPostgres(ctx context.Context, cfg Config) (database, error) {
	pooled, err := pgxpool.ParseConfig(cfg.Address)
	if err != nil {
		return nil, ErrAddress
	}
	pooled.MaxConns = poolConnections
	session(pooled.ConnConfig, cfg)
	pool, err := pgxpool.NewWithConfig(ctx, pooled)
	if err != nil {
		return nil, ErrAddress
	}
	d := &postgres{cfg: cfg, instance: newInstance(), pool: pool, rare: stdlib.OpenDBFromPool(pool)}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(err, d.close()) //nolint:contextcheck // it has a time of its own
	}
	ear, err := d.claim(ctx, cfg.LockWait)
	if err != nil {
		return nil, errors.Join(err, d.close()) //nolint:contextcheck // it has a time of its own
	}
	d.ear.Store(ear)
	return d, nil
}

// session sets what every connection is like. Commits wait for the disk. Whoever
// stops in the middle of a transaction holds all others up, and is ended soon.
// Each handle is looked up by its index, however few rows the planner expects.
func session(c *pgx.ConnConfig, cfg Config) {
	c.ConnectTimeout = cfg.Timeout
	limit := strconv.FormatInt((2 * cfg.Timeout).Milliseconds(), 10)
	maps.Copy(c.RuntimeParams, map[string]string{
		"application_name": "zgoda", "synchronous_commit": "on", "TimeZone": "UTC",
		"statement_timeout": limit, "lock_timeout": limit, "idle_in_transaction_session_timeout": limit,
		"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off",
	})
}

// migrate brings the schema up to date, one node after the other.
func (d *postgres) migrate(ctx context.Context) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrate the control store: %w", err)
	}
	slow, err := pgx.ParseConfig(d.cfg.Address)
	if err != nil {
		return ErrAddress
	}
	slow.ConnectTimeout = d.cfg.Timeout
	db := stdlib.OpenDB(*slow)
	if err := db.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("reach the control store: %w", withoutAddress(err)), db.Close())
	}
	return errors.Join(migrate(ctx, goose.DialectPostgres, db, "migrations/postgres", goose.WithSessionLocker(locker)), db.Close())
}

func (d *postgres) plain() *sql.DB                { return d.rare }
func (d *postgres) changes() *sql.DB              { return d.rare }
func (d *postgres) isolation() sql.IsolationLevel { return sql.LevelRepeatableRead }

// groupEntries lets many changes share one commit, which waits for the disk and
// holds the other nodes up.
func (d *postgres) groupEntries() int { return 4096 }

// settled takes the lock that the failed transaction had: once it is had, that
// one has ended, one way or the other.
func (d *postgres) settled(wanted ends) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d.cfg.Timeout)
	defer cancel()
	var hash []byte
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT 1 FROM head WHERE id = 1 FOR UPDATE`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT hash FROM ledger WHERE sequence = $1`, int64(wanted.sequence)).Scan(&hash)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	return err != nil || string(hash) == string(wanted.chain.Hash[:])
}

func (d *postgres) close() error {
	d.closed.Store(true)
	if ear := d.ear.Swap(nil); ear != nil {
		hangUp(context.Background(), ear)
	}
	err := d.rare.Close()
	d.pool.Close()
	return err
}

// withoutAddress leaves out of an error what it may say of the address.
func withoutAddress(err error) error {
	if _, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		return ErrAddress
	}
	return err
}
