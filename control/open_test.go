package control

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/control/ledger"
)

func TestOneProcessAlone(t *testing.T) {
	cfg := config(t)
	first := open(t, cfg)
	second := cfg
	second.LockWait = 60 * time.Millisecond
	if _, err := Open(t.Context(), second); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v", err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := Open(context.Background(), cfg) // waits for the dying one
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("the dying one was not waited for: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a newer version", func(t *testing.T) {
		cfg := config(t)
		s := open(t, cfg)
		if _, err := file(t, s).write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrNewer) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file that others may read", func(t *testing.T) {
		cfg := config(t)
		if err := open(t, cfg).Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(cfg.Path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrExposed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no database", func(t *testing.T) {
		cfg := config(t)
		if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cfg.Path, []byte("this is not a database, and long enough to be looked at as one........................................"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); err == nil {
			t.Error("it was opened")
		}
	})
	t.Run("settings", func(t *testing.T) {
		if _, err := Open(t.Context(), Config{}); err == nil {
			t.Error("an empty config was accepted")
		}
	})
}

func TestFilesAreOurs(t *testing.T) {
	cfg := config(t)
	s := open(t, cfg)
	appendAll(t, s, entry(handle(1), ledger.StateProfilingOff, ""))
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(cfg.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode().Perm())
		}
	}
	for pragma, want := range map[string]int{"synchronous": 2, "secure_delete": 1} {
		var got int
		if err := file(t, s).write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", pragma, got, err, want)
		}
	}
}

func TestLockedStoreIsAnErrorInTime(t *testing.T) {
	cfg := config(t)
	cfg.Busy = 100 * time.Millisecond
	s := open(t, cfg)
	other, err := sql.Open("sqlite", "file:"+cfg.Path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := s.SetProfiling(t.Context(), site, handle(1), false, "ana", "asked"); err == nil {
		t.Error("a locked store took a change")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the error took %v", took)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetProfiling(t.Context(), site, handle(1), false, "ana", "asked"); err != nil {
		t.Errorf("the store did not come back: %v", err)
	}
}
