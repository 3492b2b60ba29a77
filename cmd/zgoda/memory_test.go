package main

import (
	"math"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"zgoda/collector/enrich"
	"zgoda/config"
	"zgoda/consent/decoded"
	"zgoda/subjects"
)

// TestCachesTakeTheirSettings: what the configuration accepts the caches accept,
// and its defaults are theirs.
func TestCachesTakeTheirSettings(t *testing.T) {
	strs, err := stringsConfig(config.DefaultConfig())
	if err != nil || strs != decoded.DefaultConfig() || agentsConfig(config.DefaultConfig()) != enrich.DefaultConfig() {
		t.Errorf("%+v, %v, %+v", strs, err, agentsConfig(config.DefaultConfig()))
	}
	for _, n := range []int{config.MinCachedAgents, config.MaxCachedAgents} {
		c := config.DefaultConfig()
		c.CachedAgents = n
		if cfg := agentsConfig(c); cfg.Agents != n || cfg.Validate() != nil {
			t.Errorf("%+v: %v", cfg, cfg.Validate())
		}
	}
	for text, n := range map[string]int64{"1MiB": config.MinCachedStrings, "64GiB": config.MaxCachedStrings} {
		c := config.DefaultConfig()
		c.CachedStrings = text
		if cfg, err := stringsConfig(c); err != nil || cfg.Bytes != n || cfg.Validate() != nil {
			t.Errorf("%+v: %v, %v", cfg, err, cfg.Validate())
		}
	}
}

// TestHeapBound: the heap has room for what the settings let the caches hold.
func TestHeapBound(t *testing.T) {
	c := config.DefaultConfig()
	usual, err := heapBound(c)
	if err != nil || usual != 288<<20+c.CachedSubjects*subjects.EntryBytes {
		t.Errorf("%d, %v", usual, err)
	}
	c.CachedStrings, c.CachedAgents, c.CachedSubjects = "1GiB", c.CachedAgents+1000, c.CachedSubjects+1000
	got, err := heapBound(c)
	if want := usual + 1<<30 - 16<<20 + 1000*(enrich.AgentBytes+subjects.EntryBytes); err != nil || got != want {
		t.Errorf("%d, not %d, %v", got, want, err)
	}

	was := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(was)
	t.Setenv("GOMEMLIMIT", "1GiB")
	if err := boundMemory(c); err != nil || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Errorf("the operator's own limit was replaced: %v", err)
	}
	if err := os.Unsetenv("GOMEMLIMIT"); err != nil {
		t.Fatal(err)
	}
	if err := boundMemory(c); err != nil || debug.SetMemoryLimit(-1) != got {
		t.Errorf("%d, %v", debug.SetMemoryLimit(-1), err)
	}
	c.CachedStrings = "x"
	if err := boundMemory(c); err == nil || !strings.Contains(err.Error(), "cached_strings") {
		t.Errorf("%v", err)
	}
}
