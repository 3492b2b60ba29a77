package keyring

import (
	"context"
	"errors"
	"time"

	"zgoda/pseudonym/kek"
)

// Config says where the keys are.
type Config struct {
	Dir      string           // holds kek/ and keys/
	Existing bool             // data made under these keys exist: never make a new set
	KEK      kek.Provider     // nil: the file DIR/kek/kek.key
	Shelf    Shared           // of several keyholders; nil: files in Dir/keys
	Reach    Reach            // of several keyholders; nil: another key-encryption key is not followed to
	Evidence Evidence         // nil: what becomes of keys is not recorded
	Now      func() time.Time // nil: time.Now

	AnalyticsMonths int // how long a month's analytics key is kept after the month; 0: 13
	TombstoneDays   int // how long a day's tombstone key is kept after the day; 0: 30
}

// Reach opens the key-encryption key that another keyholder has changed to, and never
// makes one.
type Reach func(ctx context.Context, uri string) (kek.Provider, error)

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{Now: time.Now, AnalyticsMonths: 13, TombstoneDays: 30}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("keyring.dir: missing"))
	}
	if c.AnalyticsMonths < 0 || c.TombstoneDays < 0 {
		errs = append(errs, errors.New("keyring.analytics_months, tombstone_days: negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.Now == nil {
		c.Now = d.Now
	}
	if c.AnalyticsMonths == 0 {
		c.AnalyticsMonths = d.AnalyticsMonths
	}
	if c.TombstoneDays == 0 {
		c.TombstoneDays = d.TombstoneDays
	}
	return c
}
