package collector

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds what one request may hold.
type Config struct {
	MaxEventBytes  int           // one event, as JSON
	MaxBatchBytes  int           // one body, after decompression
	MaxBatchEvents int           // events in one body
	MaxDepth       int           // nesting of JSON
	Tries          int           // decisions tried for one request while switches overtake it
	FutureLimit    time.Duration // a later time than this after receipt is set to receipt
	RetryAfter     time.Duration // told with 503
	MaxTextBytes   int           // bytes of a stored text; longer ones are cut
}

// DefaultConfig returns the limits of the documentation.
func DefaultConfig() Config {
	return Config{
		MaxEventBytes: 32 << 10, MaxBatchBytes: 2 << 20, MaxBatchEvents: 2500, MaxDepth: 32,
		Tries: 5, FutureLimit: 24 * time.Hour, RetryAfter: 2 * time.Second,
		MaxTextBytes: 1024,
	}
}

// Validate names every setting that is out of range.
func (c Config) Validate() error {
	var errs []error
	check := func(name string, value, least, most int) {
		if value < least || value > most {
			errs = append(errs, fmt.Errorf("%s must be from %d to %d", name, least, most))
		}
	}
	check("max_event_bytes", c.MaxEventBytes, 256, 1<<20)
	check("max_batch_bytes", c.MaxBatchBytes, max(256, c.MaxEventBytes), 64<<20)
	check("max_batch_events", c.MaxBatchEvents, 1, 100_000)
	check("max_depth", c.MaxDepth, 4, 200)
	check("tries", c.Tries, 1, 100)
	check("max_text_bytes", c.MaxTextBytes, 16, 64<<10)
	if c.FutureLimit <= 0 {
		errs = append(errs, errors.New("future_limit must be positive"))
	}
	if c.RetryAfter < time.Second {
		errs = append(errs, errors.New("retry_after must be at least 1s"))
	}
	return errors.Join(errs...)
}
