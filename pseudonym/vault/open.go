package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	v := &Vault{slots: slots, now: cfg.Now, writing: make(chan struct{}, 1)}
	if v.now == nil {
		v.now = time.Now
	}
	if err := v.open(cfg); err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	if err := v.start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("open the vault: %w", err), v.Close())
	}
	return v, nil
}

// open connects to the database.
func (v *Vault) open(cfg Config) error {
	v.table = table.New(table.Config{})
	if cfg.Address != "" {
		db, err := openPostgres(cfg)
		if err != nil {
			return err
		}
		v.db, v.follower = database{db, postgres{}}, &follower{began: time.Now()}
		return nil
	}
	db, err := openSQLite(cfg)
	if err != nil {
		return err
	}
	v.db = database{db, sqlite{cfg.Path}}
	return nil
}

func (v *Vault) start(ctx context.Context, cfg Config) error {
	if v.follower == nil {
		if err := v.migrateSQLite(ctx); err != nil {
			return err
		}
		if err := v.clear(ctx); err != nil { // an earlier process may have died before it did
			return err
		}
		if err := v.readAll(ctx, cfg); err != nil {
			return err
		}
		return v.noteSince(ctx)
	}
	if err := migratePostgres(ctx, v.db.DB); err != nil {
		return err
	}
	if err := v.readAll(ctx, cfg); err != nil {
		return err
	}
	if err := v.noteSince(ctx); err != nil {
		return err
	}
	v.follow() //nolint:contextcheck // it lives as long as the vault
	return nil
}

// readAll reads every contact into memory, as they are at one moment.
func (v *Vault) readAll(ctx context.Context, cfg Config) error {
	at := time.Now()
	tx, err := v.db.BeginTx(ctx, v.db.reading())
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var identifiers, contacts int
	err = tx.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM identifiers), (SELECT count(*) FROM contacts)").Scan(&identifiers, &contacts)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	v.table = table.New(table.Config{Contacts: contacts, Identifiers: identifiers, Lock: cfg.Lock})
	if err := v.readContacts(ctx, tx); err != nil {
		return err
	}
	if err := v.readIdentifiers(ctx, tx, "SELECT h2, contact FROM identifiers"); err != nil {
		return err
	}
	if v.table.Stats().Identifiers != identifiers {
		return fmt.Errorf("an identifier leads to two contacts: %w", ErrSalt)
	}
	if f := v.follower; f != nil {
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM changes").Scan(&f.seq); err != nil {
			return fmt.Errorf("read changes: %w", err)
		}
		f.heard.Store(int64(at.Sub(f.began)))
	}
	return nil
}
