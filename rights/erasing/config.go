package erasing

import (
	"errors"
	"time"
)

// Config are the settings of erasures.
type Config struct {
	Poll      time.Duration // how often is looked whether there is something to do
	Lease     time.Duration // for how long a node leads without renewing it
	Gather    time.Duration // erasures gather for so long after a batch was begun
	Batch     int           // how many go at once at most
	Attempts  int           // after so many tries the erasures of a batch have failed
	First     time.Duration // the wait after the first failed try; it doubles
	Most      time.Duration // the longest wait
	Silence   time.Duration // a node that was not heard for so long is named as what is waited for
	Tombstone time.Duration // for how long late events are known to be an erased person's
	Journal   time.Duration // for how long the journal keeps an erasure: longer than backups are kept
}

// DefaultConfig returns the defaults; backups are kept for 35 days.
func DefaultConfig() Config {
	return Config{
		Poll: time.Second, Lease: 10 * time.Second, Gather: time.Minute, Batch: 10_000, Attempts: 20, First: time.Second, Most: 5 * time.Minute,
		Silence: 15 * time.Second, Tombstone: 30 * 24 * time.Hour, Journal: (35 + 31) * 24 * time.Hour,
	}
}

// Validate says that a setting is out of its bounds.
func (c *Config) Validate() error {
	if c.Poll <= 0 || c.Lease < 3*c.Poll/2 || c.Gather < 0 || c.Batch < 1 || c.Attempts < 1 || c.First <= 0 || c.Most < c.First || c.Silence <= 0 ||
		c.Tombstone <= 0 || c.Journal <= 0 || c.Journal > 400*24*time.Hour {
		return errors.New("erasing: a setting is out of its bounds")
	}
	return nil
}
