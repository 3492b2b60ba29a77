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

	"zgoda/pseudonym/keyring"
)

//go:embed schema.sql
var schema string

// schemaVersion is the user_version of a file that schema.sql describes.
const schemaVersion = 1

// ErrSalt is returned for a salt that the slot key does not open.
var ErrSalt = errors.New("a contact's salt cannot be opened: the vault is damaged, or the keys are those of another vault")

// ErrVersion is returned for a vault of a newer release.
var ErrVersion = errors.New("the vault was written by a newer release")

// pragmas: no write-ahead log, since it would keep what was deleted from the
// file itself; one process, which alone may have the file open.
var pragmas = []string{
	"secure_delete(ON)", "locking_mode(EXCLUSIVE)", "journal_mode(TRUNCATE)", "synchronous(FULL)",
	"temp_store(MEMORY)", "foreign_keys(ON)", "trusted_schema(OFF)", "cell_size_check(ON)",
}

// Open opens the vault, makes it if it is not there, and reads every contact
// into memory.
func Open(ctx context.Context, cfg Config, sealer Sealer) (*Vault, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := keyring.MakePrivateDir(filepath.Dir(cfg.Path)); err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	if err := reserve(cfg.Path); err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: cfg.Path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	db.SetMaxOpenConns(1)
	v := &Vault{db: db, sealer: sealer}
	if err := v.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the vault: %w", err), db.Close())
	}
	return v, nil
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

func (v *Vault) start(ctx context.Context) error {
	if err := migrate(ctx, v.db); err != nil {
		return err
	}
	identifiers, contacts, err := count(ctx, v.db)
	if err != nil {
		return err
	}
	v.table = newTable(identifiers, contacts)
	byID, err := v.loadContacts(ctx, contacts)
	if err != nil {
		return err
	}
	return v.loadIdentifiers(ctx, byID)
}

func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
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
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

func count(ctx context.Context, db *sql.DB) (identifiers, contacts int, err error) {
	err = db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM identifiers), (SELECT count(*) FROM contacts)").
		Scan(&identifiers, &contacts)
	return identifiers, contacts, err
}

func (v *Vault) loadContacts(ctx context.Context, n int) (map[int64]slot, error) {
	rows, err := v.db.QueryContext(ctx, "SELECT id, salt FROM contacts ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	byID := make(map[int64]slot, n)
	for rows.Next() {
		var id int64
		var sealed sql.RawBytes
		if err := rows.Scan(&id, &sealed); err != nil {
			return nil, err
		}
		salt, err := v.openSalt(id, sealed)
		if err != nil {
			return nil, err
		}
		byID[id] = v.table.add(contact{id: id, salt: salt})
	}
	return byID, rows.Err()
}

func (v *Vault) loadIdentifiers(ctx context.Context, byID map[int64]slot) error {
	rows, err := v.db.QueryContext(ctx, "SELECT h2, contact FROM identifiers")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var h2 sql.RawBytes
		var id int64
		if err := rows.Scan(&h2, &id); err != nil {
			return err
		}
		at, ok := byID[id]
		if !ok || len(h2) != len(keyring.Index{}) {
			return fmt.Errorf("an identifier leads to no contact: %w", ErrSalt)
		}
		v.table.lead(keyring.Index(h2), at)
	}
	return rows.Err()
}
