package writer

import (
	"errors"
	"fmt"
	"time"
)

// Config are the writer's settings.
type Config struct {
	Journal     string        // path of the journal file; its folder must exist
	Quarantine  string        // folder of the quarantine; made with mode 0700
	MaxKept     int64         // bytes of the quarantine; what does not fit keeps its range waiting
	BatchRows   int           // the most records in one range; fewer after the store ran out of memory
	Connections int           // ranges sent at once
	MaxLinger   time.Duration // the same while they come fast
	Linger      time.Duration // how long records gather before a range is cut
	Window      time.Duration // how long a messageId is remembered, at least, while MaxSeen allows
	MaxSeen     int           // how many are remembered at most
	SeedWithin  time.Duration // how long a start may take to learn what is stored; less is remembered then
	Readable    time.Duration // how long after it was sent a row can be found by its message id
	Settle      time.Duration // how long a row may take to appear after its insert was answered
	RetryMin    time.Duration // first pause after an error
	RetryMax    time.Duration // longest pause
}

// DefaultConfig returns the settings for files named by the caller.
func DefaultConfig() Config {
	return Config{
		MaxKept: 1 << 30, BatchRows: 100_000, Connections: 2, Linger: time.Second, MaxLinger: 5 * time.Second,
		Window: 24 * time.Hour, MaxSeen: 4_000_000, SeedWithin: 30 * time.Second,
		Readable: 6*24*time.Hour + 12*time.Hour, Settle: time.Second,
		RetryMin: 100 * time.Millisecond, RetryMax: 10 * time.Second,
	}
}

// Validate names every setting that is wrong.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, key, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("writer: %s must be %s", key, want))
		}
	}
	check(c.Journal != "", "journal", "set")
	check(c.Quarantine != "", "quarantine", "set")
	check(c.MaxKept >= 1, "max_kept", "positive")
	check(c.BatchRows >= 1 && c.BatchRows <= 1_000_000, "batch_rows", "between 1 and 1000000")
	check(c.Linger >= 0, "linger", "zero or more")
	check(c.MaxLinger >= c.Linger, "max_linger", "at least linger")
	check(c.Window > 0, "window", "positive")
	check(c.Connections >= 1 && c.Connections <= 16, "connections", "between 1 and 16")
	// The ids of the ranges in flight must never push each other out.
	check(c.MaxSeen >= 2*c.BatchRows*c.flights(), "max_seen", "at least twice batch_rows for each range in flight, of which there are two more than connections")
	check(c.SeedWithin > 0, "seed_within", "positive")
	check(c.Readable > 0, "readable", "positive")
	check(c.Settle >= 0, "settle", "zero or more")
	check(c.RetryMin > 0, "retry_min", "positive")
	check(c.RetryMax >= c.RetryMin, "retry_max", "at least retry_min")
	return errors.Join(errs...)
}

// flights returns how many ranges are in memory at most: those that are sent, one
// that is read meanwhile, and one that is released.
func (c Config) flights() int { return c.Connections + 2 }
