package control

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"zgoda/control/ledger"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// acquire takes the lock file, waiting for a process that still holds it.
func acquire(ctx context.Context, path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the control store's lock: %w", err)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the control store: %w", err), f.Close())
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return nil, errors.Join(ErrInUse, f.Close())
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for the control store: %w", ctx.Err()), f.Close())
		}
	}
}

// private makes the file when missing, and refuses one that others may read.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the control store: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("open the control store: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return ErrExposed
	}
	return nil
}

func connect(cfg Config, more string) (*sql.DB, error) {
	dsn := fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)%s",
		(&url.URL{Path: cfg.Path}).EscapedPath(), cfg.Busy.Milliseconds(), more)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open the control store: %w", err)
	}
	return db, nil
}

// migrateSQLite brings the schema of a file up to date. The chain of a store that
// had one for all is made anew, as the node's own.
func migrateSQLite(ctx context.Context, db *sql.DB, node ledger.Writer) error {
	again := goose.NewGoMigration(4, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return chainAgain(ctx, tx, node)
	}}, nil)
	return migrate(ctx, goose.DialectSQLite3, db, "migrations/sqlite", goose.WithGoMigrations(again))
}

func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder string, more ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, files, append(more, goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true))...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the control store: %w", err)
	}
	if current > target {
		return fmt.Errorf("%w (it is at %d, this program knows %d)", ErrNewer, current, target)
	}
	if _, err = p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the control store: %w", err)
	}
	return nil
}
