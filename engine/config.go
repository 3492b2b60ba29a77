package engine

import (
	"errors"
	"fmt"
)

// Config says where an engine lives.
type Config struct {
	Dir      string // the data folder, owned by one engine at a time
	RunDir   string // for the configuration that Prepare writes and engine.json
	Port     int    // loopback port of the native protocol; 0: a random free one
	Launcher string // path of zgoda-clickhouse
	Library  string // path of the engine's library; empty: looked for by Find
}

// DefaultConfig returns a configuration for the folder data.
func DefaultConfig() Config {
	return Config{Dir: "data/clickhouse", RunDir: "data/run", Launcher: "zgoda-clickhouse"}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	for key, value := range map[string]string{"dir": c.Dir, "run_dir": c.RunDir, "launcher": c.Launcher} {
		if value == "" {
			errs = append(errs, fmt.Errorf("engine: %s must be given", key))
		}
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, errors.New("engine: port must be between 0 and 65535"))
	}
	return errors.Join(errs...)
}
