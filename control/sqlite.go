package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"zgoda/event"
)

// sqlite keeps the store in one file that one process has open.
type sqlite struct {
	cfg        Config
	lock       *os.File
	write      *sql.DB // one connection
	read       *sql.DB
	readers    *readerPool           // of records
	statements [statements]*sql.Stmt // of write
	commitTx   func(*sql.Tx) error   // (*sql.Tx).Commit; tests let it fail
}

// connections is how many connections read records, and how many read the rest.
const connections = 4

func openSQLite(ctx context.Context, cfg Config) (database, error) {
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the control store: %w", err)
	}
	lock, err := acquire(ctx, cfg.Path+".lock", cfg.LockWait)
	if err != nil {
		return nil, err
	}
	d := &sqlite{cfg: cfg, lock: lock, commitTx: (*sql.Tx).Commit}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *sqlite) open(ctx context.Context) error {
	if err := private(d.cfg.Path); err != nil {
		return err
	}
	var err error
	if d.write, err = connect(d.cfg, "&_txlock=immediate&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(4000)"); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if err = migrateSQLite(ctx, d.write, d.cfg.Node); err != nil {
		return err
	}
	for i := range d.statements {
		if d.statements[i], err = d.write.PrepareContext(ctx, statementTexts[i]); err != nil {
			return fmt.Errorf("open the control store: %w", err)
		}
	}
	if d.read, err = connect(d.cfg, "&_pragma=query_only(1)"); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(connections)
	d.read.SetMaxIdleConns(connections)
	records, err := connect(d.cfg, "&_pragma=query_only(1)&_pragma=cache_size(-32768)")
	if err != nil {
		return err
	}
	d.readers = newReaderPool(records, connections)
	return nil
}

func (d *sqlite) plain() *sql.DB   { return d.read }
func (d *sqlite) changes() *sql.DB { return d.write }

// isolation is the only one that there is: a snapshot.
func (d *sqlite) isolation() sql.IsolationLevel { return sql.LevelDefault }

// groupEntries keeps a group within what one fsync is worth.
func (d *sqlite) groupEntries() int { return 1024 }

// watch has nothing to tell: this process alone changes the file.
func (d *sqlite) watch(ctx context.Context, _ func(Heard)) error {
	<-ctx.Done()
	return nil
}

func (d *sqlite) records(ctx context.Context, lookups []Lookup, out []Found) (at event.Sequence, err error) {
	err = d.readers.use(ctx, func(r *reader) error {
		return r.snapshot(ctx, func(sequence event.Sequence) error {
			at = sequence
			return eachSite(lookups, func(site event.SiteID, handles []event.Handle) error {
				read := reading{site: site, sequence: sequence}
				if err := read.read(ctx, r, handles); err != nil {
					return err
				}
				read.answer(lookups, out)
				return nil
			})
		})
	})
	return at, err
}

// settled reads the end of the chain from the disk. It holds a commit for done
// that seems to be: whether it is on the disk as well, is not known.
func (d *sqlite) settled(wanted ends) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d.cfg.Timeout)
	defer cancel()
	// A commit that found the file locked leaves its transaction open on the one
	// connection that writes.
	_, _ = d.write.ExecContext(ctx, "ROLLBACK")
	heads, err := readHeads(ctx, d.read)
	if err != nil {
		return true
	}
	return slices.Contains(heads, wanted.chain)
}

func (d *sqlite) close() error {
	var errs []error
	if d.readers != nil {
		errs = append(errs, d.readers.close())
	}
	for _, s := range d.statements {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, d.lock.Close())...)
}
