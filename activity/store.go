package activity

import (
	"context"
	"errors"
	"io"
	"time"

	"zgoda/event"
	"zgoda/record"
)

var errUnwritten = errors.New("not written")

// Store is a ClickHouse that keeps activity. It reconnects by itself.
type Store struct{ config Config }

// Open makes a store. It connects when first used, so a server that is away
// is no error here.
func Open(ctx context.Context, config Config) (*Store, error) {
	return &Store{config: config}, config.Validate()
}

// Close ends all connections. Twice is fine.
func (s *Store) Close() error { return nil }

// Ping asks the server for an answer.
func (s *Store) Ping(ctx context.Context) error { return errUnwritten }

// Migrate brings the schema to this program's version. Two at a time wait for
// each other; a changed migration and a newer schema are refused.
func (s *Store) Migrate(ctx context.Context) error { return errUnwritten }

// Insert stores rows once for each token: the same token again is a no-op.
// It returns nil only when they are on disk. Errors are *Error.
func (s *Store) Insert(ctx context.Context, token string, rows []record.Record) error {
	return errUnwritten
}

// Present says for each row whether its (site, message id) is stored.
func (s *Store) Present(ctx context.Context, rows []record.Record) ([]bool, error) {
	return nil, errUnwritten
}

// Recent yields the newest (site, message id) pairs received since the given
// time, at most limit of them.
func (s *Store) Recent(ctx context.Context, since time.Time, limit int, yield func(site event.SiteID, messageID string)) error {
	return errUnwritten
}

// Query runs one statement and streams its answer to w.
func (s *Store) Query(ctx context.Context, sql string, w io.Writer, format Format) error {
	return errUnwritten
}
