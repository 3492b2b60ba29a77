package control

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ErrBackupShared is returned by a store in PostgreSQL, which has its own ways.
var ErrBackupShared = errors.New("the control store is in PostgreSQL: back it up with pg_dump or with its archiving")

// Backup writes a copy of the store, as it is at one moment, into a new file of mode
// 0600. Changes go on meanwhile.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.Shared() {
		return ErrBackupShared
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file
	if err != nil {
		return fmt.Errorf("back the control store up: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("back the control store up: %w", err)
	}
	db, err := connect(s.cfg, "") // of its own: changes do not wait for it
	if err != nil {
		return fmt.Errorf("back the control store up: %w", err)
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, path)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("back the control store up: %w", err)
	}
	return nil
}
