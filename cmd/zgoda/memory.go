package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"zgoda/collector/enrich"
	"zgoda/config"
	"zgoda/consent/decoded"
	"zgoda/subjects"
)

// roomBeside is what the heap may grow to before the collector works harder,
// beside what the caches may hold.
const roomBeside = 267 << 20

// heapBound is what the settings come to.
func heapBound(c config.Config) (int64, error) {
	strings, err := stringsConfig(c)
	return roomBeside + c.CachedSubjects*subjects.EntryBytes + int64(c.CachedAgents)*enrich.AgentBytes + strings.Bytes, err
}

// boundMemory makes the collector keep the heap within what the settings come
// to. It is a soft bound: a full queue may go beyond. GOMEMLIMIT goes before it.
func boundMemory(c config.Config) error {
	bound, err := heapBound(c)
	if err == nil && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bound)
	}
	return err
}

func agentsConfig(c config.Config) enrich.Config {
	cfg := enrich.DefaultConfig()
	cfg.Agents = c.CachedAgents
	return cfg
}

func stringsConfig(c config.Config) (decoded.Config, error) {
	bytes, err := c.StringBytes()
	if err != nil {
		return decoded.Config{}, fmt.Errorf("cached_strings: %w", err)
	}
	cfg := decoded.DefaultConfig()
	cfg.Bytes = bytes
	return cfg, nil
}
