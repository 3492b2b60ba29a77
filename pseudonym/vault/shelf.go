package vault

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"zgoda/pseudonym/keyring"
)

// Advisory locks on the keysets of a shared vault.
const (
	shelfLock  = 0x7a67_7661_756c_7402 // held while a first set is made
	leaderLock = 0x7a67_7661_756c_7403 // held by the keyholder that rotates
)

// ErrNotShared is returned for keysets in a vault that one keyholder has alone:
// those are files.
var ErrNotShared = errors.New("keysets are kept in the database of a shared vault only")

// Shelf keeps the wrapped keysets of keyholders that share a vault, in the
// vault's database. What it destroys is gone from the table; copies of the
// database's files are closed by the end of the wrapping key, as copies of files
// are elsewhere.
type Shelf struct {
	db *sql.DB

	leading sync.Mutex
	leader  *sql.Conn // holds leaderLock; nil: another keyholder does, or nobody
}

// OpenShelf opens the keysets of a shared vault, and makes the schema if it is
// not there.
func OpenShelf(ctx context.Context, cfg Config) (*Shelf, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Address == "" {
		return nil, ErrNotShared
	}
	db, err := openPostgres(cfg)
	if err != nil {
		return nil, err
	}
	if err := migratePostgres(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open the keysets: %w", err), db.Close())
	}
	return &Shelf{db: db}, nil
}

// Names lists the keysets whose name begins with prefix.
func (s *Shelf) Names(ctx context.Context, prefix string) ([]string, error) {
	all, err := s.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range all {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			names = append(names, name)
		}
	}
	return names, nil
}

// Revisions returns the revision of every keyset.
func (s *Shelf) Revisions(ctx context.Context) (map[string]keyring.Revision, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, revision FROM keysets")
	if err != nil {
		return nil, fmt.Errorf("list keysets: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	all := make(map[string]keyring.Revision)
	for rows.Next() {
		var name string
		var revision int64
		if err := rows.Scan(&name, &revision); err != nil {
			return nil, fmt.Errorf("list keysets: %w", err)
		}
		all[name] = keyring.Revision(revision)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list keysets: %w", err)
	}
	return all, nil
}

// Read returns a wrapped keyset, or keyring.ErrNoKeyset.
func (s *Shelf) Read(ctx context.Context, name string) ([]byte, keyring.Revision, error) {
	var wrapped []byte
	var revision int64
	err := s.db.QueryRowContext(ctx, "SELECT wrapped, revision FROM keysets WHERE name = $1", name).Scan(&wrapped, &revision)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, fmt.Errorf("%s: %w", name, keyring.ErrNoKeyset)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read keyset %s: %w", name, err)
	}
	return wrapped, keyring.Revision(revision), nil
}

// Write replaces a keyset that still has a revision; 0: that is not there. No
// revision is used again: one that is made anew is no old one.
func (s *Shelf) Write(ctx context.Context, name string, wrapped []byte, instead keyring.Revision) (keyring.Revision, error) {
	query := "UPDATE keysets SET wrapped = $2, revision = nextval('keyset_revisions') WHERE name = $1 AND revision = $3 RETURNING revision"
	if instead == 0 {
		query = "INSERT INTO keysets (name, wrapped, revision) SELECT $1, $2, nextval('keyset_revisions') WHERE $3 = 0::bigint ON CONFLICT DO NOTHING RETURNING revision"
	}
	var next int64
	err := s.db.QueryRowContext(ctx, query, name, wrapped, int64(instead)).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%s: %w", name, keyring.ErrRaced)
	}
	if err != nil {
		return 0, fmt.Errorf("write keyset %s: %w", name, err)
	}
	return keyring.Revision(next), nil
}

// Destroy removes a keyset. One that is not there is destroyed.
func (s *Shelf) Destroy(ctx context.Context, name string) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM keysets WHERE name = $1", name); err != nil {
		return fmt.Errorf("destroy keyset %s: %w", name, err)
	}
	return nil
}

// Used says whether there are contacts in the vault: they were made under keys.
func (s *Shelf) Used(ctx context.Context) (used bool, err error) {
	if err := s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM contacts)").Scan(&used); err != nil {
		return false, fmt.Errorf("look for contacts: %w", err)
	}
	return used, nil
}

// Lock keeps other keyholders from making a first set, until release.
func (s *Shelf) Lock(ctx context.Context) (release func() error, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the keysets: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(shelfLock)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the keysets: %w", err), conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(shelfLock))
		return errors.Join(err, conn.Close())
	}, nil
}

// Leads says whether this keyholder is the one that rotates. Who asks first is,
// until its connection ends or the shelf is closed.
func (s *Shelf) Leads(ctx context.Context) (bool, error) {
	s.leading.Lock()
	defer s.leading.Unlock()
	if s.leader != nil {
		var one int
		if s.leader.QueryRowContext(ctx, "SELECT 1").Scan(&one) == nil {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, fmt.Errorf("ask who rotates: %w", context.Cause(ctx))
		}
		dismiss(s.leader)
		s.leader = nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("ask who rotates: %w", err)
	}
	var got bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(leaderLock)).Scan(&got); err != nil {
		dismiss(conn) // it may have the lock all the same
		return false, fmt.Errorf("ask who rotates: %w", err)
	}
	if !got {
		return false, conn.Close()
	}
	s.leader = conn
	return true, nil
}

// dismiss ends a connection that may hold the lock. Back among those that are used
// for anything it would hold it for ever, and nobody would rotate.
func dismiss(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}

// Close closes the connections, and lets another keyholder rotate. Doing it again
// does nothing.
func (s *Shelf) Close() error {
	s.leading.Lock()
	defer s.leading.Unlock()
	if s.leader != nil {
		dismiss(s.leader)
		s.leader = nil
	}
	return s.db.Close()
}
