package writer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

// Deps are what the writer works with.
type Deps struct {
	Spool      source
	Inserter   inserter
	Rechecker  rechecker
	Fates      fates
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Key        []byte // 32 bytes, seals the quarantine
}

// source is the spool.
type source interface {
	Next(ctx context.Context, maxRecords int, linger time.Duration) (spool.Batch, error)
	Read(r spool.Range) (spool.Batch, error)
	Release(r spool.Range) error
	EraseWaiting(ctx context.Context, match func(rec []byte) bool) (erased, waited int, err error)
	Stats() spool.Stats
}

// inserter is where records go, as they are encoded. Its methods are called from
// several goroutines; rows are only read, and only during the call. What its
// errors may say of themselves is in trouble.go: after an error that says nothing
// the outcome is unknown.
type inserter interface {
	// Insert stores rows, unless rows went in under the same token before.
	Insert(ctx context.Context, token string, rows [][]byte) error
	// Present says for each row whether its site and message id are stored.
	Present(ctx context.Context, rows [][]byte) ([]bool, error)
	// Recent yields the ids of the latest rows, at most limit of them, the latest
	// first, and returns since when it yielded all. After an error too.
	Recent(ctx context.Context, since time.Time, limit int, yield func(site event.SiteID, messageID string)) (time.Time, error)
}

// rechecker looks whether records may still be shipped, and fills in ReasonNone,
// or why not, for each. After an error nothing of the range is shipped; it is
// asked again. Of a record's texts only the site is there. It is called from
// several goroutines.
type rechecker interface {
	Recheck(ctx context.Context, rows []record.Record, out []event.Reason) error
}

// fates counts what became of records.
type fates interface {
	Store(n int)
	Duplicate(n int)
	DropLater(reason event.Reason, n int)
	Quarantine(n int)
}

// validate names what is missing.
func (d Deps) validate() error {
	if d.Spool == nil || d.Inserter == nil || d.Rechecker == nil || d.Fates == nil || d.Logger == nil || d.Registerer == nil {
		return errors.New("writer: a dependency is missing")
	}
	return nil
}
