package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// StartClocked is Start of a server whose clock SetClock sets apart from the machine's,
// by Debian's faketime.
func StartClocked(tb testing.TB) *Server {
	tb.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if len(found) == 0 {
		tb.Fatal("the test needs faketime: apt-get install faketime (make test does it as root)")
	}
	return start(tb, func(folder string) []string {
		(&Server{folder}).SetClock(tb, 0)
		// Steady clocks stay as they are, as where somebody sets a machine's time.
		return []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + clockFile(folder), "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}
	}, "fsync=off")
}

func clockFile(folder string) string { return filepath.Join(folder, "clock") }

// Clock is the path of the file that says how far the clock of a server of StartClocked
// is ahead, in whole seconds with their sign. Who replaces it sets the clock.
func (s *Server) Clock() string { return clockFile(s.folder) }

// SetClock sets the server's clock so far ahead of the machine's, to whole seconds.
func (s *Server) SetClock(tb testing.TB, ahead time.Duration) {
	tb.Helper()
	next := s.Clock() + ".new"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d\n", int(ahead.Seconds())), 0o644); err != nil { //nolint:gosec // the server's user reads it
		tb.Fatal(err)
	}
	if err := os.Rename(next, s.Clock()); err != nil {
		tb.Fatal(err)
	}
}
