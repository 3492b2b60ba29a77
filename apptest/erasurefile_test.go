package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// forgetWithoutClickHouse: accepted while ClickHouse is away, nobody is forgotten for
// it, and the erasure goes on once it is back.
func forgetWithoutClickHouse(t *testing.T, e *eraser) {
	t.Helper()
	e.events(t, "away", "", 5)
	e.stored(t, "away", 5)
	pid := e.child("zgoda-clickhouse")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	id := e.forget(t, "user_id:away")
	e.complete(t, id)
	if n := e.count(t, "zgoda.events", "away"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// forgetFile: many go together; lines that nobody can read, or know, are told and
// left out.
func forgetFile(t *testing.T, e *eraser) {
	t.Helper()
	const people = 1000
	var batch []string
	for i := range people {
		batch = append(batch, fmt.Sprintf(`{"type":"track","userId":"many-%d","messageId":"many-%d-%d","event":"of many",%s}`, i, i, time.Now().UnixNano(), agreed))
		if len(batch) == 500 {
			e.batch(t, batch)
			batch = nil
		}
	}
	e.stored(t, "many", people)
	path := filepath.Join(t.TempDir(), "whom.txt")
	var text strings.Builder
	for i := range people {
		_, _ = fmt.Fprintf(&text, "user_id:many-%d\n", i)
	}
	text.WriteString("who knows\nuser_id:nobody\nemail:not an address\n")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := e.zgoda(t, "", "forget", "--site", "shop", "--file", path, "--reason", "letter 8", "--wait")
	if code == 0 || !strings.Contains(out, "accepted 1000 of 1003") || !strings.Contains(out, "certified 1000 in") {
		t.Fatalf("%d %s %s", code, out, tail(errs, 2000))
	}
	bad, err := os.ReadFile(path + ".bad.csv")
	if err != nil || string(bad) != "line,field,reason\n1001,identifier,malformed\n1002,identifier,unknown\n1003,identifier,malformed\n" {
		t.Errorf("left out: %s, %v", bad, err)
	}
	if n := e.count(t, "zgoda.events", "many"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := e.count(t, "zgoda.events", "petr"); n != 20 {
		t.Errorf("%d rows of somebody else are left", n)
	}
}
