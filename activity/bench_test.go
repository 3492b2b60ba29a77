package activity_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/engine/enginetest"
)

// BenchmarkInsert is one connection with fsync; it reports rows a second and
// the engine's resident memory afterwards.
func BenchmarkInsert(b *testing.B) {
	started := time.Now()
	room := enginetest.StartRoom(b)
	b.Logf("engine up after %s", time.Since(started).Round(time.Millisecond))
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = room.Access.Address, room.Access.Writer.User, room.Access.Writer.Password.Reveal()
	s, err := activity.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("idle: %s", resident(b, room.PID()))
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			rows, n := encoded(rowsOf(size, "bench")), 0
			for b.Loop() {
				n++
				if err := s.Insert(b.Context(), fmt.Sprintf("%d-%d-%d", size, time.Now().UnixNano(), n), rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size*n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Logf("after: %s", resident(b, room.PID()))
}

func resident(b *testing.B, pid int) string {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return "VmRSS " + strings.TrimSpace(line)
}
