package keyholder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zgoda/pseudonym/backup"
)

// A keyholder does not start on a folder in which a restore was killed: everybody
// would be new to it.
func TestUnfinishedRestoreIsRefused(t *testing.T) {
	dir, socket := folders(t)
	if err := start(t, dir, socket).stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "restore-unfinished"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket = dir, socket
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context()); !errors.Is(err, backup.ErrUnfinished) {
		t.Errorf("it started, or said %v", err)
	}
}
