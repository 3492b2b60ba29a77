package subjects

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/event"
)

// Config bounds the set.
type Config struct {
	// Entries is how many identifiers are kept in memory, at about EntryBytes each.
	Entries int64
	// TTL is how long an entry is believed at most.
	TTL time.Duration
	// Fence is how many recent changes are remembered by name. With more of them
	// within TTL, entries older than the oldest are loaded again.
	Fence int
	// Batch and Wait bound how misses are gathered: a batch goes when it is full,
	// when the one before it is back, or when Wait is over since that one went.
	Batch int
	Wait  time.Duration
	// Loads is how many batches may be under way: a quarter of them for loads of
	// many identifiers, which also come in pieces of Batch; a quarter for loads that
	// may make a contact; the rest for others.
	Loads int
	// Timeout bounds one batch, and the wait for room of one load.
	Timeout time.Duration
	// Trust is how long what is in memory is believed without a word from a store
	// that other nodes change too.
	Trust time.Duration
}

// DefaultConfig returns the settings of a laptop or a small server.
func DefaultConfig() Config {
	return Config{
		Entries: 1_000_000, TTL: 10 * time.Minute, Fence: 1 << 16,
		Batch: 256, Wait: 2 * time.Millisecond, Loads: 16, Timeout: 4 * time.Second, Trust: time.Second,
	}
}

// maxBatch is what one call of the keyholder and of the store takes.
const maxBatch = 4096

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	atLeast := func(key string, ok bool, least string) {
		if !ok {
			errs = append(errs, fmt.Errorf("subjects.%s: must be at least %s", key, least))
		}
	}
	atLeast("entries", c.Entries >= 1, "1")
	atLeast("ttl", c.TTL >= time.Millisecond, "1ms")
	atLeast("fence", c.Fence >= shardCount, fmt.Sprint(shardCount))
	atLeast("batch", c.Batch >= 1, "1")
	atLeast("wait", c.Wait >= 0, "0")
	atLeast("loads", c.Loads >= 3, "3")
	atLeast("timeout", c.Timeout >= time.Millisecond, "1ms")
	atLeast("trust", c.Trust >= time.Millisecond, "1ms")
	if c.Batch > maxBatch {
		errs = append(errs, fmt.Errorf("subjects.batch: must be at most %d", maxBatch))
	}
	return errors.Join(errs...)
}

// Deps are the parts the set calls. Registerer may be nil.
type Deps struct {
	Resolver resolver
	Store    store
	// Watcher tells what other nodes change in the store; nil: this one alone
	// changes it.
	Watcher watcher
	// Policies returns a site's policy, nil for a site that there is not.
	Policies   func(event.SiteID) *consent.Policy
	Registerer prometheus.Registerer
}

func (d Deps) validate() error {
	var errs []error
	if d.Resolver == nil {
		errs = append(errs, errors.New("subjects: no resolver"))
	}
	if d.Store == nil {
		errs = append(errs, errors.New("subjects: no store"))
	}
	if d.Policies == nil {
		errs = append(errs, errors.New("subjects: no policies"))
	}
	return errors.Join(errs...)
}
