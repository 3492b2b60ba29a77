package keyholder

import (
	"errors"
	"fmt"
	"time"
)

// Config says what to serve, and where.
type Config struct {
	Data   string   // folder of keys and vault
	Socket string   // path of the unix socket, in a folder for its owner alone
	UIDs   []uint32 // users that may call; none: our own

	InFlight  int              // calls at one time; more are turned away
	LockWait  time.Duration    // for a folder that a dying keyholder still locks
	DrainWait time.Duration    // for calls under way, at the end
	Now       func() time.Time // nil: time.Now
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{InFlight: 256, LockWait: 15 * time.Second, DrainWait: 5 * time.Second, Now: time.Now}
}

// maxSocketPath is what the kernel takes, with its ending zero.
const maxSocketPath = 107

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: missing"))
	}
	if c.Socket == "" {
		errs = append(errs, errors.New("socket: missing"))
	}
	if len(c.Socket) > maxSocketPath {
		errs = append(errs, fmt.Errorf("socket: the path has %d bytes, a unix socket takes %d", len(c.Socket), maxSocketPath))
	}
	if c.InFlight <= 0 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not positive", c.InFlight))
	}
	if c.LockWait < 0 || c.DrainWait < 0 {
		errs = append(errs, errors.New("lock_wait, drain_wait: negative"))
	}
	return errors.Join(errs...)
}
