package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/control/pgtest"
)

// TestMoveToPostgreSQL: a gateway's control store is moved from its file into
// PostgreSQL, not while it runs and not twice; there the gateway knows whom it
// knew, and goes on with the same chain.
func TestMoveToPostgreSQL(t *testing.T) {
	address := pgtest.Start(t).Database(t)
	path := filepath.Join(t.TempDir(), "moved.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, "control: %q\n", address), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t)
	contact := s.contact(t, "user_id:jana")
	for _, granted := range []bool{true, false, true} {
		s.choose(t, contact, granted)
	}
	move := func(says string, want int) {
		t.Helper()
		out, errs, code := s.zgoda(t, "", "control", "move", "--config", path, "--data", s.data)
		if code != want || !strings.Contains(out+errs, says) || strings.Contains(out+errs, "postgres://") {
			t.Fatalf("move ended with %d: %s%s", code, out, errs)
		}
		t.Logf("%s", strings.TrimSpace(out+errs))
	}
	move("in use by another zgoda", 1)
	s.stop(t)
	move("ledger: 3 rows", 0)
	move("is not empty", 1)

	s.args = []string{"--config", path}
	s.start(t, host(t, s.public))
	if _, allowed := s.profiles(t, "jana", "moved"); !allowed {
		t.Error("what was granted before does not hold any more")
	}
	s.choose(t, contact, false)
	if _, allowed := s.profiles(t, "jana", "withdrawn"); allowed {
		t.Error("a withdrawal does not hold")
	}
	export, errs, code := s.zgoda(t, "", "ledger", "export", "--data", s.data)
	if code != 0 {
		t.Fatal(errs)
	}
	out, errs, code := s.zgoda(t, export, "ledger", "verify", "-")
	if code != 0 || !strings.Contains(out, "4 entries") || strings.Count(out, "writer ") != 1 {
		t.Errorf("verify: %d %s%s", code, out, errs)
	}
}
