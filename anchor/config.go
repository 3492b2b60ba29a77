package anchor

import (
	"errors"
	"time"
)

// Config says when checkpoints are made.
type Config struct {
	// Entries and Every: a checkpoint is made once so many entries are not covered
	// by one, or once any is not and the last was made so long ago.
	Entries uint64
	Every   time.Duration
	// Poll is how often the ledger's head is looked at.
	Poll time.Duration
	// Retry and RetryMost are the first and the longest wait after a failure.
	Retry, RetryMost time.Duration
	// Timeout bounds one attempt to anchor.
	Timeout time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Entries: 1000, Every: 10 * time.Minute, Poll: time.Second,
		Retry: time.Second, RetryMost: 5 * time.Minute, Timeout: 30 * time.Second,
	}
}

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	if c.Entries == 0 {
		errs = append(errs, errors.New("anchor.entries: must be above zero"))
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"every", c.Every}, {"poll", c.Poll}, {"retry", c.Retry}, {"timeout", c.Timeout}} {
		if d.d <= 0 {
			errs = append(errs, errors.New("anchor."+d.key+": must be above zero"))
		}
	}
	if c.RetryMost < c.Retry {
		errs = append(errs, errors.New("anchor.retry_most: is below anchor.retry"))
	}
	return errors.Join(errs...)
}
