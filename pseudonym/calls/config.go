package calls

import (
	"errors"
	"time"
)

// Config says where the log is.
type Config struct {
	Dir       string           // a folder for its owner alone; made if it is not there
	FileBytes int64            // a file is ended when it has this many; 0: 64 MiB
	Gather    time.Duration    // counts of no note are gathered for so long; 0: 30 s
	Seal      time.Duration    // between two seals; 0: a minute
	Now       func() time.Time // nil: time.Now
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{FileBytes: 64 << 20, Gather: 30 * time.Second, Seal: time.Minute, Now: time.Now}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("calls.dir: missing")
	}
	if c.FileBytes < 0 || c.Gather < 0 || c.Seal < 0 {
		return errors.New("calls.file_bytes, gather, seal: negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.FileBytes == 0 {
		c.FileBytes = d.FileBytes
	}
	if c.Gather == 0 {
		c.Gather = d.Gather
	}
	if c.Seal == 0 {
		c.Seal = d.Seal
	}
	if c.Now == nil {
		c.Now = d.Now
	}
	return c
}
