package vault

import (
	"context"
	"database/sql"
	_ "embed" // for the schema
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// The schema of each user_version is that of the one before and this.
var (
	//go:embed sqlite1.sql
	sqlite1 string
	//go:embed sqlite2.sql
	sqlite2 string
	//go:embed sqlite3.sql
	sqlite3 string
	//go:embed sqlite4.sql
	sqlite4 string
)

// schemaVersion is the user_version of a present file.
const schemaVersion = 4

// pragmas: one process alone may have the file open. A commit is one write to the log
// and one wait for the disk; what the log would keep of something that was taken away
// is cleared from it (clear).
var pragmas = []string{
	"secure_delete(ON)", "locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)",
	"temp_store(MEMORY)", "foreign_keys(ON)", "trusted_schema(OFF)", "cell_size_check(ON)",
}

// sqlite is a file that one process has for itself.
type sqlite struct{ path string }

func openSQLite(cfg Config) (*sql.DB, error) {
	if err := keyring.MakePrivateDir(filepath.Dir(cfg.Path)); err != nil {
		return nil, err
	}
	if err := reserve(cfg.Path); err != nil {
		return nil, err
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: cfg.Path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// reserve makes the file with the mode that SQLite then gives its journal too.
func reserve(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s is %w", path, keyring.ErrOpenToOthers)
	}
	return errors.Join(err, f.Close())
}

// migrateSQLite brings a file to the present schema, in one transaction.
func (v *Vault) migrateSQLite(ctx context.Context) error {
	tx, err := v.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	var have int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	switch {
	case have > schemaVersion:
		return ErrVersion
	case have == schemaVersion:
		return nil
	}
	for version, schema := range []string{sqlite1, sqlite2, sqlite3, sqlite4} {
		if version < have {
			continue
		}
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		if version+1 != 2 {
			continue
		}
		if err := v.resealVisitors(ctx, tx); err != nil {
			return fmt.Errorf("seal visitors again: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// resealVisitors gives each contact that has visitors a key of its own, and seals
// them under it instead of the slot key.
func (v *Vault) resealVisitors(ctx context.Context, tx *sql.Tx) error {
	for after := ContactID(0); ; {
		var r row
		err := tx.QueryRowContext(ctx, "SELECT c.id, c.slot, c.salt FROM contacts c WHERE c.id = (SELECT min(contact) FROM visitors WHERE contact > $1)", after).
			Scan(&r.id, &r.slot, &r.salt)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := v.resealVisitorsOf(ctx, tx, r); err != nil {
			return err
		}
		after = r.id
	}
}

func (v *Vault) resealVisitorsOf(ctx context.Context, tx *sql.Tx, r row) error {
	salt, err := v.openSalt(r)
	if err != nil {
		return err
	}
	dek := newDEK()
	fresh, err := v.sealContact(r.id, salt, dek)
	if err != nil {
		return err
	}
	if err := v.updateContact(ctx, tx, fresh); err != nil {
		return err
	}
	sealed, err := readVisitors(ctx, tx, r.id)
	if err != nil {
		return err
	}
	for _, s := range sealed {
		h1, err := v.slots.Open(r.slot, s.sealed, bind("visitor", r.id))
		if err != nil || len(h1) != len(event.Blinded{}) {
			return ErrSalt
		}
		again, err := sealVisitor(dek, r.id, event.Blinded(h1))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE visitors SET sealed = $1 WHERE contact = $2 AND tag = $3", again, r.id, s.tag); err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) shared() bool { return false }

func (sqlite) begin(context.Context, *sql.Tx) error { return nil } // _txlock and the only connection see to it

func (sqlite) reading() *sql.TxOptions { return nil }

func (sqlite) changed(context.Context, *sql.Tx, ...ContactID) error { return nil }

// errLog is returned when the log of changes cannot be cleared now.
var errLog = errors.New("the log of changes is in use")

// clear brings the log into the file, where deleted content is overwritten
// (secure_delete), and empties it, durably: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint.
func (s sqlite) clear(ctx context.Context, db *sql.DB) error {
	var busy, pages, done int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
		return err
	}
	if busy != 0 || pages > 0 {
		return errLog
	}
	log, err := os.OpenFile(s.path+"-wal", os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(log.Sync(), log.Close())
}

func (sqlite) numbers(ctx context.Context, tx *sql.Tx, n int) ([]ContactID, error) {
	var last ContactID
	err := tx.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'contacts'").Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	ids := make([]ContactID, n)
	for i := range ids {
		ids[i] = last + 1 + ContactID(i)
	}
	return ids, nil
}

func (sqlite) contacts(ctx context.Context, tx *sql.Tx, rows []row) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO contacts (id, slot, salt, dek, seen) VALUES ($1, $2, $3, $4, $5)")
	if err != nil {
		return err
	}
	defer insert.Close() //nolint:errcheck // the transaction ends it
	for _, r := range rows {
		if _, err := insert.ExecContext(ctx, r.id, r.slot, r.salt, orNull(r.dek), r.seen); err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) identifiers(ctx context.Context, tx *sql.Tx, rows []identifier) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO identifiers (h2, contact, link, gate) VALUES ($1, $2, $3, $4)")
	if err != nil {
		return err
	}
	defer insert.Close() //nolint:errcheck // the transaction ends it
	for _, r := range rows {
		if _, err := insert.ExecContext(ctx, r.index[:], r.contact, r.made.Link, r.made.Gate); err != nil {
			return err
		}
	}
	return nil
}

// errMemory is returned when a file is asked what memory knows.
var errMemory = errors.New("the file is not ordered by indexes")

func (sqlite) find(context.Context, querier, []keyring.Index) ([]found, error) { return nil, errMemory }
