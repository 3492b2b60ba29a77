package reasons

import (
	"errors"
	"time"
)

// EntryBytes is about what an entry takes.
const EntryBytes = 96

// MaxEntries bounds Config.Entries.
const MaxEntries = 4 << 20

// minEntries is the least that can be divided into turns.
const minEntries = 64

// Config bounds what is kept.
type Config struct {
	Entries int           // at most so many are kept, of EntryBytes each; 0 keeps none
	Horizon time.Duration // the sample is thinned so that entries last about as long
}

// DefaultConfig keeps 16,384 entries (1.5 MiB) for about ten minutes.
func DefaultConfig() Config { return Config{Entries: 16 << 10, Horizon: 10 * time.Minute} }

// Validate names every setting that is out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Entries != 0 && (c.Entries < minEntries || c.Entries > MaxEntries) {
		errs = append(errs, errors.New("entries must be 0 or from 64 to 4194304"))
	}
	if c.Horizon < time.Minute || c.Horizon > 24*time.Hour {
		errs = append(errs, errors.New("horizon must be from 1m to 24h"))
	}
	return errors.Join(errs...)
}
