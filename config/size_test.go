package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSpoolBytes(t *testing.T) {
	for text, want := range map[string]int64{"64MiB": 64 << 20, "4GiB": 4 << 30, "1TiB": 1 << 40, DefaultConfig().SpoolLimit: 4 << 30} {
		if got, err := (Config{SpoolLimit: text}).SpoolBytes(); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "4", "4GB", "4 GiB", "-4GiB", "+4GiB", "4.5GiB", "63MiB", "0GiB", "GiB", "9999999999TiB", "4gib"} {
		if got, err := (Config{SpoolLimit: text}).SpoolBytes(); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
		c := DefaultConfig()
		c.SpoolLimit = text
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "spool_limit: ") {
			t.Errorf("%q was accepted: %v", text, err)
		}
	}
}

func TestSealedBytes(t *testing.T) {
	for text, want := range map[string]int64{"64MiB": 64 << 20, "1GiB": 1 << 30, DefaultConfig().SealedLimit: 256 << 20} {
		if got, err := (Config{SealedLimit: text}).SealedBytes(); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "256", "63MiB", "0GiB"} {
		c := DefaultConfig()
		c.SealedLimit = text
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "sealed_limit: ") {
			t.Errorf("%q was accepted: %v", text, err)
		}
	}
	c, err := Resolve(Settings{}, "", func(name string) (string, bool) {
		return map[string]string{"ZGODA_SEALED_LIMIT": "96MiB"}[name], name == "ZGODA_SEALED_LIMIT"
	})
	if err != nil || c.SealedLimit != "96MiB" {
		t.Errorf("from the variable: %q, %v", c.SealedLimit, err)
	}
}

func TestSpoolLimitFromVariable(t *testing.T) {
	c, err := Resolve(Settings{}, "", func(name string) (string, bool) {
		if name == "ZGODA_SPOOL_LIMIT" {
			return "128MiB", true
		}
		return "", false
	})
	if err != nil || c.SpoolLimit != "128MiB" {
		t.Errorf("%q, %v", c.SpoolLimit, err)
	}
}

func TestCachedSubjectsFromVariable(t *testing.T) {
	resolve := func(text string) (Config, error) {
		return Resolve(Settings{}, "", func(name string) (string, bool) {
			if name != "ZGODA_CACHED_SUBJECTS" {
				return "", false
			}
			return text, true
		})
	}
	for text, want := range map[string]int64{"250000": 250_000, "": DefaultConfig().CachedSubjects} {
		if c, err := resolve(text); err != nil || c.CachedSubjects != want {
			t.Errorf("%q: %d, %v", text, c.CachedSubjects, err)
		}
	}
	if _, err := resolve("many"); err == nil {
		t.Error("\"many\" was accepted")
	}
}

func TestCachedStrings(t *testing.T) {
	for text, want := range map[string]int64{"1MiB": MinCachedStrings, "64GiB": MaxCachedStrings, DefaultConfig().CachedStrings: 16 << 20} {
		if got, err := (Config{CachedStrings: text}).StringBytes(); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0MiB", "65GiB", "16", "16MB", "16777216"} {
		c := DefaultConfig()
		c.CachedStrings = text
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "cached_strings: must be") {
			t.Errorf("%q was accepted: %v", text, err)
		}
	}
}

func TestCachedAgents(t *testing.T) {
	for n, valid := range map[int]bool{
		MinCachedAgents - 1: false, MinCachedAgents: true, DefaultConfig().CachedAgents: true, MaxCachedAgents: true, MaxCachedAgents + 1: false, 0: false, -1: false,
	} {
		c := DefaultConfig()
		c.CachedAgents = n
		if err := c.Validate(); (err == nil || !strings.Contains(err.Error(), "cached_agents: must be from 64 to 4194304")) != valid {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// TestCachesFromFileAndVariables: a variable goes before the file.
func TestCachesFromFileAndVariables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zgoda.yaml")
	if err := os.WriteFile(path, []byte("cached_agents: 5000\ncached_strings: 64MiB\nsites: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	resolve := func(variables map[string]string) (Config, error) {
		return Resolve(Settings{}, path, func(name string) (string, bool) { text, ok := variables[name]; return text, ok })
	}
	c, err := resolve(nil)
	if err != nil || c.CachedAgents != 5000 || c.CachedStrings != "64MiB" {
		t.Errorf("%d, %s, %v", c.CachedAgents, c.CachedStrings, err)
	}
	c, err = resolve(map[string]string{"ZGODA_CACHED_AGENTS": "70", "ZGODA_CACHED_STRINGS": "2MiB"})
	if err != nil || c.CachedAgents != 70 || c.CachedStrings != "2MiB" {
		t.Errorf("%d, %s, %v", c.CachedAgents, c.CachedStrings, err)
	}
	if _, err := resolve(map[string]string{"ZGODA_CACHED_AGENTS": "many"}); err == nil || !strings.Contains(err.Error(), "ZGODA_CACHED_AGENTS") {
		t.Errorf("%v", err)
	}
}
