package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKey = []byte("0123456789abcdef0123456789abcdef")

// smallConfig makes segments turn over after a few records.
func smallConfig(dir string) Config {
	c := DefaultConfig()
	c.Dir, c.SegmentBytes, c.GroupBytes, c.MaxRecord, c.MaxBytes = dir, 1024, 1024, 512, 64<<10
	c.ProbeEvery, c.LockWait = time.Millisecond, 0
	return c
}

// running is an open spool whose committer runs.
type running struct {
	*Spool
	stop func()
}

// start opens the spool over fs and runs its committer until stop or the test's end.
func start(tb testing.TB, cfg Config, fs files) *running {
	tb.Helper()
	s, err := open(cfg, testKey, fs, time.Now)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(tb, "the committer runs", s.running.Load)
	var once sync.Once
	r := &running{Spool: s, stop: func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-done, s.Close()); err != nil {
				tb.Errorf("stop: %v", err)
			}
		})
	}}
	tb.Cleanup(r.stop)
	return r
}

// put makes one record durable.
func (r *running) put(tb testing.TB, rec string) {
	tb.Helper()
	ticket, err := r.Put([]byte(rec))
	if err == nil {
		err = r.Wait(tb.Context(), ticket)
	}
	if err != nil {
		tb.Fatalf("put: %v", err)
	}
}

// drain returns every record that waits, and the damage met on the way.
func (s *Spool) drain(tb testing.TB) (out []string, damage []error) {
	tb.Helper()
	for range 10000 {
		ctx, cancel := context.WithCancel(tb.Context())
		cancel() // what waits is handed out only to the living, so look first
		if err := s.owed(); err != nil {
			damage = append(damage, err)
		}
		s.mu.Lock()
		n := s.unread
		s.mu.Unlock()
		if n == 0 {
			return out, damage
		}
		if _, err := s.Next(ctx, 7, 0); !errors.Is(err, context.Canceled) {
			tb.Fatalf("Next with an ended context: %v", err)
		}
		b, err := s.Next(tb.Context(), 7, 0)
		if err != nil {
			damage = append(damage, err)
		}
		for _, rec := range b.Records {
			out = append(out, string(rec))
		}
	}
	tb.Fatal("the spool does not come to an end")
	return nil, nil
}

// copyDir copies a spool's folder, as a crash would leave it.
func copyDir(tb testing.TB, from string) string {
	tb.Helper()
	to := tb.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
	return to
}

// segmentsIn lists the segment files, ascending.
func segmentsIn(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}

func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond) // a poll with a deadline
	}
	tb.Fatalf("never: %s", what)
}

func names(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("record-%04d", i))
	}
	return out
}

// gathered returns the mean of a histogram.
func gathered(tb testing.TB, h prometheus.Histogram) float64 {
	tb.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(h)
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	m := families[0].GetMetric()[0].GetHistogram()
	return m.GetSampleSum() / float64(max(1, m.GetSampleCount()))
}

// value returns a metric of the spool, without its prefix.
func (s *Spool) value(tb testing.TB, name string) float64 {
	tb.Helper()
	reg := prometheus.NewRegistry()
	if err := s.Register(reg); err != nil {
		tb.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "zgoda_spool_"+name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	tb.Fatalf("there is no metric %s", name)
	return 0
}
