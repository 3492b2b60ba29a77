package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

var _ Store = (*Vault)(nil)

// Open opens a vault whose slot key was never rotated.
func Open(ctx context.Context, cfg Config, sealer Sealer) (*Vault, error) {
	return OpenUnder(ctx, cfg, One(sealer))
}

// OpenUnder opens the vault, makes it if it is not there, brings it to the present
// schema, and reads every contact into memory.
func OpenUnder(ctx context.Context, cfg Config, slots Slots) (*Vault, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	v := &Vault{slots: slots, writing: make(chan struct{}, 1)}
	if err := v.open(ctx, cfg); err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	if err := v.start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("open the vault: %w", err), v.Close())
	}
	return v, nil
}

// open connects to the database.
func (v *Vault) open(ctx context.Context, cfg Config) error {
	v.table = table.New(table.Config{})
	db, err := openSQLite(cfg)
	if err != nil {
		return err
	}
	v.db = database{db, sqlite{}}
	return nil
}

func (v *Vault) start(ctx context.Context, cfg Config) error {
	if err := v.migrateSQLite(ctx); err != nil {
		return err
	}
	return v.readAll(ctx, cfg)
}

// readAll reads every contact into memory.
func (v *Vault) readAll(ctx context.Context, cfg Config) error {
	var identifiers, contacts int
	err := v.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM identifiers), (SELECT count(*) FROM contacts)").Scan(&identifiers, &contacts)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	v.table = table.New(table.Config{Contacts: contacts, Identifiers: identifiers, Lock: cfg.Lock})
	if err := v.readContacts(ctx); err != nil {
		return err
	}
	return v.readIdentifiers(ctx)
}

func (v *Vault) readContacts(ctx context.Context) error {
	rows, err := v.db.QueryContext(ctx, "SELECT id, slot, salt FROM contacts ORDER BY id")
	if err != nil {
		return fmt.Errorf("read contacts: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var r row
		var sealed sql.RawBytes
		if err := rows.Scan(&r.id, &r.slot, &sealed); err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		r.salt = sealed
		salt, err := v.openSalt(r)
		if err != nil {
			return err
		}
		if _, err := v.table.Add(int64(r.id), salt); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (v *Vault) readIdentifiers(ctx context.Context) error {
	rows, err := v.db.QueryContext(ctx, "SELECT h2, contact FROM identifiers")
	if err != nil {
		return fmt.Errorf("read identifiers: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var h2 sql.RawBytes
		var id int64
		if err := rows.Scan(&h2, &id); err != nil {
			return fmt.Errorf("read identifiers: %w", err)
		}
		slot, known := v.table.ByID(id)
		if !known || len(h2) != len(keyring.Index{}) {
			return fmt.Errorf("an identifier leads to no contact: %w", ErrSalt)
		}
		if err := v.table.Lead(keyring.Index(h2), slot); err != nil {
			return err
		}
	}
	return rows.Err()
}
