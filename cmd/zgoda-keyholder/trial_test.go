package main

import (
	"path/filepath"
	"testing"

	"zgoda/pseudonym/keyring"
)

// What is left of a trial opens with nothing: its key-encryption key was in memory
// alone.
func TestTrialLeavesNothingThatOpens(t *testing.T) {
	f := restoreFlags{Test: true, Data: t.TempDir()}
	cfg, err := f.keys(t.Context())
	if err != nil || cfg.KEK == nil {
		t.Fatalf("%v, %v", cfg.KEK, err)
	}
	ring, err := keyring.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(f.Data, "kek", "kek.key*")); err != nil || len(left) > 0 {
		t.Errorf("on disk: %v, %v", left, err)
	}
	if again, err := f.keys(t.Context()); err != nil {
		t.Error(err)
	} else if _, err := keyring.Open(t.Context(), keyring.Config{Dir: f.Data, Existing: true, KEK: again.KEK}); err == nil {
		t.Error("the trial's keys open afterwards")
	}
	if _, err := keyring.Open(t.Context(), keyring.Config{Dir: f.Data, Existing: true}); err == nil {
		t.Error("the trial's keys open with a file")
	}
}
