package choice

import (
	"errors"
	"time"
)

// Config bounds what a person's choice may hold.
type Config struct {
	MaxBodyBytes int
	RetryAfter   time.Duration // told with 503
}

// DefaultConfig returns the documented limits.
func DefaultConfig() Config {
	return Config{MaxBodyBytes: 8 << 10, RetryAfter: 2 * time.Second}
}

// Validate names every setting that is out of range.
func (c Config) Validate() error {
	var errs []error
	if c.MaxBodyBytes < 256 || c.MaxBodyBytes > 1<<20 {
		errs = append(errs, errors.New("max_choice_bytes must be from 256 to 1048576"))
	}
	if c.RetryAfter < time.Second {
		errs = append(errs, errors.New("retry_after must be at least 1s"))
	}
	return errors.Join(errs...)
}
