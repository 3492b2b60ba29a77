package decoded

import "errors"

// Config bounds a Cache.
type Config struct {
	// Bytes is the memory for strings and what is decoded of them, in octets. A
	// TC string of a thousand vendors takes about 1,200.
	Bytes int64
}

// MinBytes is the least memory that makes sense: some strings of any length.
const MinBytes = 64 << 10

// DefaultConfig returns 16 MiB, which is about 14,000 TC strings.
func DefaultConfig() Config { return Config{Bytes: 16 << 20} }

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.Bytes < MinBytes {
		return errors.New("bytes must be at least 65536")
	}
	return nil
}
