package rekey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
)

// Config bounds the keeper and the job.
type Config struct {
	Node   string        // this gateway's name among all of the keyholder's
	Poll   time.Duration // between two words with the keyholder
	Silent time.Duration // without a word for so long while a rotation is open, the writer holds
	Budget time.Duration // for how long the job holds at a time; one partition may take longer
	Wait   time.Duration // how long the job waits for the other gateways before it lets all go on
	Retry  time.Duration // after a failure of the job
	Fill   float64       // of the spool's limit: fuller, the job waits before it holds
}

// DefaultConfig returns the settings of a gateway with a name.
func DefaultConfig(node string) Config {
	return Config{
		Node: node, Poll: time.Second, Silent: 3 * time.Second, Budget: 5 * time.Second,
		Wait: 20 * time.Second, Retry: 2 * time.Second, Fill: 0.5,
	}
}

// Validate names every setting that is wrong.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, key, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("rekey.%s: must be %s", key, want))
		}
	}
	check(c.Node != "", "node", "set")
	for key, d := range map[string]time.Duration{"poll": c.Poll, "silent": c.Silent, "budget": c.Budget, "wait": c.Wait, "retry": c.Retry} {
		check(d > 0, key, "positive")
	}
	check(c.Fill > 0 && c.Fill <= 1, "fill", "above 0 and at most 1")
	return errors.Join(errs...)
}

// Deps are what the keeper and the job work with.
type Deps struct {
	Keyholder keyholder
	// Admin asks for what who looks after the keys may; nil: this gateway rewrites
	// nothing, another does.
	Admin    administrator
	Subjects forgetter
	Spool    spooled
	Writer   holder
	// Begin begins to rewrite what is stored.
	Begin func(ctx context.Context, to event.KeyVersion) (Rewriting, error)
	// Clear brings an exchange to its end that a rewriting has begun, whoever's it was,
	// and takes its copies away, so that none is exchanged any more.
	Clear func(ctx context.Context) error
	// Refetch takes the keyholder's keys anew, when they have changed.
	Refetch    func(ctx context.Context) error
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// keyholder is what every gateway may ask.
type keyholder interface {
	Attend(ctx context.Context, node string, held bool) (pseudonym.Attendance, error)
	Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error)
}

// administrator is what who looks after the keys may ask.
type administrator interface {
	PurposeMap(ctx context.Context, key string, do func(pseudonym.PurposeMap) error) error
	Lease(ctx context.Context, node string, release bool) (held bool, until time.Time, err error)
	RotateDone(ctx context.Context, key string) error
}

// forgetter is the cached consent set.
type forgetter interface {
	Forget(version event.KeyVersion)
}

// spooled is the spool.
type spooled interface {
	Flush(ctx context.Context) error
	End() spool.Position
	WaitsBefore(p spool.Position) int
	Stats() spool.Stats
}

// holder is the writer.
type holder interface {
	Hold(ctx context.Context) (resume func(), err error)
}

// Rewriting is one pass over what is stored (activity.Rekey).
type Rewriting interface {
	Map(ctx context.Context, old, new []event.Handle) error
	Partitions(ctx context.Context) ([]string, error)
	Rewrite(ctx context.Context, partition string) (rows uint64, err error)
	Links(ctx context.Context) (rows uint64, err error)
	Left(ctx context.Context) (rows uint64, err error)
	End(ctx context.Context) error
}

func (d Deps) validate() error {
	if d.Keyholder == nil || d.Subjects == nil || d.Spool == nil || d.Writer == nil || d.Begin == nil || d.Clear == nil || d.Refetch == nil || d.Logger == nil || d.Registerer == nil {
		return errors.New("rekey: a dependency is missing")
	}
	return nil
}
