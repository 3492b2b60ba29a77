package standstill_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zgoda/pseudonym/standstill"
)

// keeping is a board that remembers in a file, some time after its start.
func keeping(t *testing.T, path string, c *clock) *standstill.Board {
	t.Helper()
	b := standstill.Open(path, c.now, func(err error) { t.Error(err) })
	c.pass(standstill.Settle)
	return b
}

// TestRestart: a keyholder that begins anew waits for a gateway that is away then,
// for as long as it would have.
func TestRestart(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "gateways.json"), &clock{time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	b := keeping(t, path, c)
	b.Ready(by, "one", false)
	b.Ready(by, "two", false) // with the next word
	for range 3600 {          // an hour
		c.pass(time.Second)
		b.Ready(by, "one", false)
		b.Ready(by, "two", false)
	}
	for range 2 {
		b = keeping(t, path, c)
		b.Ready(by, "one", false)
		holds(t, b, "one", false)
		if !slices.Equal(b.Waits(), []string{"two"}) || !slices.Equal(b.Nodes(), []string{"one", "two"}) {
			t.Fatalf("waits for %v of %v", b.Waits(), b.Nodes())
		}
	}
	b.Ready(by, "two", false)
	b.Ready(by, "two", true)
	holds(t, b, "one", true)
	b.Release("one")
	c.pass(standstill.Known - 10*time.Minute)
	b = keeping(t, path, c)
	holds(t, b, "one", false)
	c.pass(11 * time.Minute)
	holds(t, b, "one", true)
}

// TestFileOfGateways: it is its owner's alone; one that cannot be read or written is
// told of, and the board goes on.
func TestFileOfGateways(t *testing.T) {
	dir := t.TempDir()
	path, c := filepath.Join(dir, "gateways.json"), &clock{time.Now()}
	keeping(t, path, c).Ready(by, "one", false)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	told := 0
	b := standstill.Open(path, c.now, func(error) { told++ })
	if b.Ready(by, "two", false); told != 1 || !slices.Equal(b.Nodes(), []string{"two"}) {
		t.Fatalf("told %d times, gateways %v", told, b.Nodes())
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second)
	if b.Ready(by, "three", false); told != 2 || len(b.Nodes()) != 2 {
		t.Fatalf("told %d times, gateways %v", told, b.Nodes())
	}
}
