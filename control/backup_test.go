package control

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zgoda/control/ledger"
)

// contractBackup: a copy of a store in use opens as one of its own, and knows what was
// known then.
func contractBackup(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	appendAll(t, s, entry(handle(1), ledger.StateRestricted, ""))
	path := filepath.Join(t.TempDir(), "copy.db")
	err := s.Backup(t.Context(), path)
	if s.Shared() {
		if !errors.Is(err, ErrBackupShared) {
			t.Error(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, entry(handle(2), ledger.StateRestricted, ""))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	if err := s.Backup(t.Context(), path); err == nil {
		t.Error("a file that is there was written over")
	}
	again := cfg
	again.Path = path
	if got := open(t, again).Sequence(); got != s.Sequence()-1 {
		t.Errorf("the copy is at %d, the store at %d", got, s.Sequence())
	}
}
