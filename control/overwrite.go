package control

import (
	"context"
	"fmt"
	"time"
)

// overwritePause is between two tries to empty the write-ahead log.
const overwritePause = 20 * time.Millisecond

// Overwrite ends what files of the store still hold of rows that were changed or
// deleted before: of SQLite the write-ahead log, whose older frames are the pages as
// they were, is brought into the file and cut to nothing. It waits for those who
// read; an error says that some did so for too long, and that it is to be called
// again. The blocks that the log had are the file system's to reuse. PostgreSQL
// keeps what was deleted until it vacuums, and in its own log.
func (s *Store) Overwrite(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout) // there may be much to bring in
	defer cancel()
	if err := s.db.overwrite(ctx); err != nil {
		return fmt.Errorf("overwrite what the control store has deleted: %w", err)
	}
	return nil
}

func (d *sqlite) overwrite(ctx context.Context) error {
	for {
		var busy, frames, moved int64
		if err := d.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		select { // who wants to write does meanwhile
		case <-time.After(overwritePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *postgres) overwrite(context.Context) error { return nil }
