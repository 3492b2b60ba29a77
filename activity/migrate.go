package activity

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered change of the schema.
type migration struct {
	number uint32
	name   string
	text   string
}

func (m migration) checksum() string {
	sum := sha256.Sum256([]byte(m.text))
	return hex.EncodeToString(sum[:])
}

// The errors of Migrate that a person has to solve.
var (
	ErrMigrationChanged = errors.New("the text of a migration that was applied has changed: run the version of zgoda that applied it")
	ErrSchemaNewer      = errors.New("the schema in ClickHouse is newer than this zgoda: run the newer version, or restore a backup from before it")
	ErrMigrationLock    = errors.New("another zgoda is changing the schema and does not come to an end")
)

const (
	lockTable    = "migration_lock"
	lockStale    = 10 * time.Second // a holder that died; a migration takes far less
	lockWait     = 30 * time.Second
	codeExists   = 57
	historyTable = "migrations"
)

// Migrate brings the schema to this program's version. Two at a time wait for
// each other; a changed migration and a newer schema are refused.
func (s *Store) Migrate(ctx context.Context) error {
	list, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	return s.migrate(ctx, list)
}

func (s *Store) migrate(ctx context.Context, list []migration) (err error) {
	if err := s.exec(ctx, "make the database", "CREATE DATABASE IF NOT EXISTS {db}"); err != nil {
		return err
	}
	// A rewriting that an earlier process began must not come to its end beside inserts,
	// and not stay half done.
	if err := s.clearCopies(ctx); err != nil {
		return err
	}
	if err := s.lockSchema(ctx); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.exec(context.WithoutCancel(ctx), "unlock the schema", "DROP TABLE IF EXISTS {db}."+lockTable+" SYNC"))
	}()
	// What an earlier process left for a moment only may go.
	if err := s.dropRekeys(ctx, stampPrefix, hiddenPrefix); err != nil {
		return err
	}
	if err := s.exec(ctx, "make the list of migrations", "CREATE TABLE IF NOT EXISTS {db}."+historyTable+
		" (number UInt32, name String, checksum String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"); err != nil {
		return err
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return err
	}
	if err := newer(applied, len(list)); err != nil {
		return err
	}
	restored, err := s.restored(ctx, applied)
	if err != nil {
		return err
	}
	for _, m := range list {
		if have, ok := applied[m.number]; ok {
			if have.checksum != m.checksum() {
				return fmt.Errorf("migration %d: %w", m.number, ErrMigrationChanged)
			}
			if restored {
				err = s.statements(ctx, m)
			}
		} else {
			err = s.apply(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restored says whether this is a database of a backup, which has the lasting tables
// alone: views and what is in memory are made anew.
func (s *Store) restored(ctx context.Context, applied map[uint32]appliedMigration) (bool, error) {
	if _, ok := applied[hiddenSince]; !ok {
		return false, nil
	}
	n, err := s.tables(ctx, hiddenTable)
	return n == 0, err
}

// hiddenSince is the migration that makes the table hidden.
const hiddenSince = 5

// apply runs one migration and records it. Its statements can be run again, so
// that a crash between them does no harm.
func (s *Store) apply(ctx context.Context, m migration) error {
	if err := s.statements(ctx, m); err != nil {
		return err
	}
	if err := s.conn.Exec(ctx, "INSERT INTO "+s.database+"."+historyTable+" (number, name, checksum) VALUES (?, ?, ?)", m.number, m.name, m.checksum()); err != nil {
		return classify("record a migration", err)
	}
	return nil
}

// statements runs those of a migration, which can be run again.
func (s *Store) statements(ctx context.Context, m migration) error {
	for statement := range strings.SplitSeq(m.text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := s.exec(ctx, fmt.Sprintf("apply migration %d", m.number), statement); err != nil {
			return err
		}
	}
	return nil
}

// newer names the migrations that this program does not know. It refuses every one
// of them: an older program knows neither what a new column means nor which new
// tables an erasure must go through.
func newer(applied map[uint32]appliedMigration, known int) error {
	var unknown []string
	for _, number := range slices.Sorted(maps.Keys(applied)) {
		if int(number) > known {
			unknown = append(unknown, applied[number].name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("ClickHouse has %s and this zgoda knows migrations up to %d: %w", strings.Join(unknown, ", "), known, ErrSchemaNewer)
}

// appliedMigration is what the list of migrations says of one.
type appliedMigration struct{ name, checksum string }

func (s *Store) applied(ctx context.Context) (map[uint32]appliedMigration, error) {
	const act = "read the list of migrations"
	rows, err := s.conn.Query(ctx, "SELECT number, name, checksum FROM "+s.database+"."+historyTable)
	if err != nil {
		return nil, classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	out := map[uint32]appliedMigration{}
	for rows.Next() {
		var number uint32
		var m appliedMigration
		if err := rows.Scan(&number, &m.name, &m.checksum); err != nil {
			return nil, classify(act, err)
		}
		out[number] = m
	}
	if err := rows.Err(); err != nil {
		return nil, classify(act, err)
	}
	return out, nil
}

// lockSchema makes the table that only one can make. A table left by a holder
// that died is taken away after lockStale, by the server's clock.
func (s *Store) lockSchema(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, ErrMigrationLock)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.conn.Exec(ctx, "CREATE TABLE "+s.database+"."+lockTable+" (x UInt8) ENGINE = MergeTree ORDER BY x")
		if err == nil {
			return nil
		}
		if exception := (*clickhouse.Exception)(nil); !errors.As(err, &exception) || exception.Code != codeExists {
			return classify("lock the schema", err)
		}
		var age int64
		err = s.conn.QueryRow(ctx, "SELECT toInt64(dateDiff('second', metadata_modification_time, now())) FROM system.tables WHERE database = ? AND name = ?", s.database, lockTable).Scan(&age)
		if err == nil && age >= int64(lockStale/time.Second) {
			if err := s.exec(ctx, "take over the schema's lock", "DROP TABLE IF EXISTS {db}."+lockTable+" SYNC"); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock the schema: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// exec runs one statement of our own; {db} is the database.
func (s *Store) exec(ctx context.Context, act, statement string) error {
	if err := s.conn.Exec(ctx, strings.ReplaceAll(statement, "{db}", s.database)); err != nil {
		return classify(act, err)
	}
	return nil
}

// migrations reads the embedded files, numbered from 1 without gaps.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	list := make([]migration, 0, len(names))
	for i, path := range names {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql")
		digits, _, _ := strings.Cut(name, "_")
		if number, err := strconv.Atoi(digits); err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s must be number %d", name, i+1)
		}
		list = append(list, migration{number: uint32(i + 1), name: name, text: string(text)})
	}
	return list, nil
}
