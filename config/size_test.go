package config

import (
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
