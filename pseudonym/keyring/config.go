package keyring

import (
	"errors"
	"time"
)

// Config says where the keys are.
type Config struct {
	Dir      string           // holds kek/ and keys/
	Existing bool             // data made under these keys exist: never make a new set
	Now      func() time.Time // nil: time.Now
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config { return Config{Now: time.Now} }

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("keyring.dir: missing")
	}
	return nil
}
