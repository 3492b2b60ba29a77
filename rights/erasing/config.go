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
	Quiet     time.Duration // and until none was accepted for so long
	Longest   time.Duration // but for no longer than this
	Batch     int           // how many go at once at most
	Attempts  int           // after so many tries the erasures of a batch have failed
	First     time.Duration // the wait after the first failed try; it doubles
	Most      time.Duration // the longest wait
	Silence   time.Duration // a node that was not heard for so long is named as what is waited for
	Tombstone time.Duration // for how long late events are known to be an erased person's
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Poll: time.Second, Lease: 10 * time.Second, Gather: time.Minute, Quiet: 2 * time.Second, Longest: 15 * time.Second, Batch: 10_000, Attempts: 20, First: time.Second, Most: 5 * time.Minute,
		Silence: 15 * time.Second, Tombstone: 30 * 24 * time.Hour,
	}
}

// Validate says that a setting is out of its bounds.
func (c *Config) Validate() error {
	if c.Poll <= 0 || c.Lease < 3*c.Poll/2 || c.Gather < 0 || c.Quiet < 0 || c.Longest < c.Quiet || c.Batch < 1 || c.Attempts < 1 || c.First <= 0 || c.Most < c.First || c.Silence <= 0 ||
		c.Tombstone <= 0 {
		return errors.New("erasing: a setting is out of its bounds")
	}
	return nil
}
