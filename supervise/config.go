package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Child is what is to be kept running.
type Child struct {
	Name    string                          // in logs and metrics, for example "clickhouse"
	Command func() (*exec.Cmd, error)       // makes the command of one start; Stdin, Stdout, Stderr and SysProcAttr are set by the supervisor
	Ready   func(ctx context.Context) error // returns nil once the child serves; called at each start
	Line    func(line string)               // gets each line of the child's output; nil: logged at level info
}

// Config holds the waits.
type Config struct {
	BackoffMin  time.Duration // wait before the first restart; doubles with each failure in a row
	BackoffMax  time.Duration // longest wait before a restart
	StartWithin time.Duration // a child that is not ready by then is killed and counts as failed
	StopWithin  time.Duration // between SIGTERM and SIGKILL
	Attempts    int           // failed starts in a row before WaitReady gives up, when the child was never ready
}

// DefaultConfig returns the waits that fit the project's own children.
func DefaultConfig() Config {
	return Config{
		BackoffMin: 200 * time.Millisecond, BackoffMax: 5 * time.Second,
		StartWithin: 60 * time.Second, StopWithin: 15 * time.Second, Attempts: 3,
	}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"backoff_min", c.BackoffMin},
		{"backoff_max", c.BackoffMax},
		{"start_within", c.StartWithin},
		{"stop_within", c.StopWithin},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("supervise: %s must be positive", d.key))
		}
	}
	if c.BackoffMax < c.BackoffMin {
		errs = append(errs, errors.New("supervise: backoff_max must not be below backoff_min"))
	}
	if c.Attempts < 1 {
		errs = append(errs, errors.New("supervise: attempts must be at least 1"))
	}
	return errors.Join(errs...)
}

// Deps are what a supervisor works with. All but Child may be nil.
type Deps struct {
	Child      Child
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}
