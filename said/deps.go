package said

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/record"
	"zgoda/spool"
)

// Config are the carrier's settings.
type Config struct {
	Rows     int           // records that go out together
	Linger   time.Duration // that they are waited for
	MaxKept  int64         // bytes of the quarantine; what does not fit waits
	RetryMin time.Duration // first pause after an error
	RetryMax time.Duration // longest pause
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{Rows: 512, Linger: 100 * time.Millisecond, MaxKept: 64 << 20, RetryMin: 100 * time.Millisecond, RetryMax: time.Second}
}

// Deps are what the carrier works with.
type Deps struct {
	Queue      queue
	Keyholder  keyholder
	Rechecker  rechecker
	Kept       keeper // the quarantine
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// queue is the spool of what was said.
type queue interface {
	Next(ctx context.Context, maxRecords int, linger time.Duration) (spool.Batch, error)
	Release(r spool.Range) error
	Stats() spool.Stats
}

// keyholder keeps it; pseudonym.Client is one.
type keyholder interface {
	Keep(ctx context.Context, said []pseudonym.Said) (unreadable []bool, err error)
}

// rechecker looks whether something may still be kept; subjects.Set is one.
type rechecker interface {
	Recheck(ctx context.Context, rows []record.Record, out []event.Reason) error
}

// keeper keeps, sealed, what nobody can read; spool.Log is one.
type keeper interface {
	Append(records [][]byte) error
	Size() (int64, error)
}

func (c Config) validate() error {
	if c.Rows < 1 || c.Linger < 0 || c.MaxKept < 1 || c.RetryMin <= 0 || c.RetryMax < c.RetryMin {
		return errors.New("said: a setting is out of range")
	}
	return nil
}

func (d Deps) validate() error {
	if d.Queue == nil || d.Keyholder == nil || d.Rechecker == nil || d.Kept == nil || d.Logger == nil || d.Registerer == nil {
		return errors.New("said: a dependency is missing")
	}
	return nil
}
