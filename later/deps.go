package later

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
	"zgoda/subjects"
)

// Config are the resolver's settings.
type Config struct {
	Rows     int           // events that are decided together
	Workers  int           // of them at once
	MaxKept  int64         // bytes of the quarantine; what does not fit waits
	RetryMin time.Duration // first pause after an error
	RetryMax time.Duration // longest pause
	Drain    time.Duration // for what is on its way to the spool, at the end
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{Rows: 1024, Workers: 64, MaxKept: 64 << 20, RetryMin: 100 * time.Millisecond, RetryMax: time.Second, Drain: 5 * time.Second}
}

// Deps are what the resolver works with.
type Deps struct {
	Queue      queue
	Keyholder  opener
	Collector  resumer
	Kept       keeper // the quarantine
	Fates      fates
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// queue is the spool of what waits.
type queue interface {
	Next(ctx context.Context, maxRecords int, linger time.Duration) (spool.Batch, error)
	Release(r spool.Range) error
	Stats() spool.Stats
}

// opener is the keyholder; pseudonym.Client is one.
type opener interface {
	Open(ctx context.Context, blobs [][]byte) ([]pseudonym.Opened, error)
}

// resumer decides; collector.Collector is one.
type resumer interface {
	Resume(ctx context.Context, e *Event, ids []subjects.Identity) (Outcome, error)
	Settle(ctx context.Context, o Outcome) error
}

// keeper keeps, sealed, what can never be decided; spool.Log is one.
type keeper interface {
	Append(records [][]byte) error
	Size() (int64, error)
}

// fates counts what became of events; telemetry.Fates is one.
type fates interface {
	DropLater(r event.Reason, n int)
	Quarantine(n int)
}

func (c Config) validate() error {
	if c.Rows < 1 || c.Workers < 1 || c.MaxKept < 1 || c.RetryMin <= 0 || c.RetryMax < c.RetryMin || c.Drain <= 0 {
		return errors.New("later: a setting is out of range")
	}
	return nil
}

func (d Deps) validate() error {
	if d.Queue == nil || d.Keyholder == nil || d.Collector == nil || d.Kept == nil || d.Fates == nil || d.Logger == nil || d.Registerer == nil {
		return errors.New("later: a dependency is missing")
	}
	return nil
}
