package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOrderOverSegmentsAndReopen(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	want := names(0, 100)
	for _, rec := range want {
		s.put(t, rec)
	}
	if len(segmentsIn(t, dir)) < 3 {
		t.Fatalf("want several segments, got %d", len(segmentsIn(t, dir)))
	}
	if got, _ := s.drain(t); !slices.Equal(got, want) {
		t.Fatalf("got %d records out of order", len(got))
	}
	s.stop()
	s = start(t, smallConfig(dir), disk{})
	if s.Recovered() != 100 || s.Stats().Records != 100 {
		t.Fatalf("recovered %d, stats %+v", s.Recovered(), s.Stats())
	}
	if got, _ := s.drain(t); !slices.Equal(got, want) {
		t.Fatal("not the same after reopening")
	}
}

func TestReleaseRemovesAndIsRemembered(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range names(0, 60) {
		s.put(t, rec)
	}
	first, err := s.Next(t.Context(), 25, 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Next(t.Context(), 25, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Release(second.Range); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Records; got != 60 {
		t.Fatalf("a later range moved the position: %d wait", got)
	}
	if err := s.Release(first.Range); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Records; got != 10 {
		t.Fatalf("%d wait, want 10", got)
	}
	s.stop()
	for range 2 { // the second time nothing may be reported missing
		s = start(t, smallConfig(dir), disk{})
		if got, _ := s.drain(t); !slices.Equal(got, names(50, 60)) || len(s.Damage()) != 0 {
			t.Fatalf("got %d records, damage %v", len(got), s.Damage())
		}
		s.stop()
	}
	s = start(t, smallConfig(dir), disk{})
	b, err := s.Next(t.Context(), 100, 0)
	if err != nil || s.Release(b.Range) != nil {
		t.Fatal(err)
	}
	s.stop()
	s = start(t, smallConfig(dir), disk{})
	if s.Recovered() != 0 || len(segmentsIn(t, dir)) != 1 || len(s.Damage()) != 0 {
		t.Fatalf("recovered %d of nothing, %d segments, damage %v", s.Recovered(), len(segmentsIn(t, dir)), s.Damage())
	}
}

func TestReadAndReleasePartsOfARange(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range names(0, 60) {
		s.put(t, rec)
	}
	b, err := s.Next(t.Context(), 50, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	s = start(t, smallConfig(dir), disk{})
	left, right := Range{b.Range.From, b.At(20)}, Range{b.At(20), b.Range.To}
	for _, c := range []struct {
		r    Range
		want []string
	}{{left, names(0, 20)}, {right, names(20, 50)}} {
		got, err := s.Read(c.r)
		if err != nil || len(got.Records) != len(c.want) || string(got.Records[0]) != c.want[0] {
			t.Fatalf("read %v: %d records, %v", c.r, len(got.Records), err)
		}
		for i := range got.Records {
			if got.At(i) != b.At(i+map[bool]int{false: 0, true: 20}[c.r == right]) {
				t.Fatalf("record %d lies elsewhere than before", i)
			}
		}
		if err := s.Release(c.r); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Read(b.Range); err != nil || len(got.Records) != 0 {
		t.Fatalf("released records are read again: %d, %v", len(got.Records), err)
	}
	if got, _ := s.drain(t); !slices.Equal(got, names(50, 60)) {
		t.Fatalf("Next went on with %d records", len(got))
	}
}

func TestLimits(t *testing.T) {
	s := start(t, smallConfig(t.TempDir()), disk{})
	for _, rec := range [][]byte{nil, make([]byte, 513)} {
		if _, err := s.Put(rec); !errors.Is(err, ErrTooLarge) {
			t.Errorf("Put of %d bytes: %v", len(rec), err)
		}
	}
	big := strings.Repeat("x", 500)
	n := 0
	for ; s.Healthy() == nil; n++ {
		s.put(t, big)
	}
	if _, err := s.Put([]byte("one more")); !errors.Is(err, ErrFull) || !errors.Is(s.Healthy(), ErrFull) {
		t.Fatalf("a full spool took a record: %v", err)
	}
	if st := s.Stats(); st.Bytes > st.Limit+2048 || st.OldestAge < 0 {
		t.Fatalf("over the limit: %+v", st)
	}
	b, err := s.Next(t.Context(), 1, 0)
	if err != nil || s.Release(b.Range) != nil || !errors.Is(s.Healthy(), ErrFull) {
		t.Fatalf("one record less opened the spool again (%v)", err)
	}
	b, err = s.Next(t.Context(), n/2, 0)
	if err != nil || s.Release(b.Range) != nil || s.Healthy() != nil {
		t.Fatalf("not open below the low mark: %v %v", err, s.Healthy())
	}
	s.put(t, "again")
}

func TestGroupLimitNeverBlocks(t *testing.T) {
	s, err := open(smallConfig(t.TempDir()), testKey, disk{}, time.Now) // no committer
	if err != nil {
		t.Fatal(err)
	}
	var last Ticket
	for err == nil {
		var ticket Ticket
		if ticket, err = s.Put(make([]byte, 200)); err == nil {
			last = ticket
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, last); !errors.Is(err, context.Canceled) {
		t.Fatalf("Wait without a committer: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context(), last); !errors.Is(err, ErrClosed) {
		t.Fatalf("Wait after Close: %v", err)
	}
	if _, err := s.Put([]byte("x")); !errors.Is(err, ErrClosed) || !errors.Is(s.Healthy(), ErrClosed) {
		t.Fatalf("Put after Close: %v", err)
	}
	if err := s.Wait(t.Context(), Ticket{}); !errors.Is(err, ErrClosed) {
		t.Fatalf("Wait for the zero Ticket: %v", err)
	}
}

func TestNextLingers(t *testing.T) {
	s := start(t, smallConfig(t.TempDir()), disk{})
	got := make(chan Batch, 1)
	go func() {
		b, err := s.Next(t.Context(), 3, time.Hour)
		if err != nil {
			t.Errorf("Next: %v", err)
		}
		got <- b
	}()
	for _, rec := range names(0, 3) {
		s.put(t, rec)
	}
	if b := <-got; len(b.Records) != 3 || b.Oldest.IsZero() {
		t.Fatalf("got %d records", len(b.Records))
	}
	s.put(t, "alone")
	if b, err := s.Next(t.Context(), 100, time.Millisecond); err != nil || len(b.Records) != 1 {
		t.Fatalf("the linger did not end: %d, %v", len(b.Records), err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	if _, err := Open(smallConfig(dir), testKey); !errors.Is(err, ErrLocked) {
		t.Fatalf("opened twice: %v", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Fatal("ran twice")
	}
}

// TestDyingPredecessor: Open waits for a process that still holds the folder.
func TestDyingPredecessor(t *testing.T) {
	dir := t.TempDir()
	cfg := smallConfig(dir)
	s := start(t, cfg, disk{})
	s.put(t, "left behind")
	cfg.LockWait = 20 * time.Second
	type opened struct {
		s   *Spool
		err error
	}
	next := make(chan opened, 1)
	go func() {
		s, err := Open(cfg, testKey)
		next <- opened{s, err}
	}()
	select {
	case got := <-next:
		t.Fatalf("opened twice: %v", got.err)
	case <-time.After(2 * lockPoll):
	}
	s.stop()
	got := <-next
	if got.err != nil || got.s.Recovered() != 1 {
		t.Fatalf("after the first one ended: %v", got.err)
	}
	if err := got.s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNothingPlainOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for range 40 {
		s.put(t, "canary jana@example.org canary")
	}
	s.stop()
	for _, e := range mustReadDir(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("canary")) || bytes.Contains(b, testKey) {
			t.Fatalf("%s holds plain bytes", e.Name())
		}
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	if err := smallConfig("x").Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*Config){
		"dir":           func(c *Config) { c.Dir = "" },
		"max_record":    func(c *Config) { c.MaxRecord = 0 },
		"group_bytes":   func(c *Config) { c.GroupBytes = c.MaxRecord },
		"segment_bytes": func(c *Config) { c.SegmentBytes = 1 },
		"max_bytes":     func(c *Config) { c.MaxBytes = 3 * c.SegmentBytes },
		"low_mark":      func(c *Config) { c.LowMark = 1.1 },
		"read_bytes":    func(c *Config) { c.ReadBytes = 0 },
		"probe_every":   func(c *Config) { c.ProbeEvery = 0 },
		"lock_wait":     func(c *Config) { c.LockWait = -1 },
	} {
		c := smallConfig("x")
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := Open(smallConfig(t.TempDir()), []byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}

func TestMetricsRegister(t *testing.T) {
	s := start(t, smallConfig(t.TempDir()), disk{})
	reg := prometheus.NewPedanticRegistry()
	if err := s.Register(reg); err != nil {
		t.Fatal(err)
	}
	s.put(t, "x")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		seen[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	group := float64(frameSize + tagSize + len("\x01x"))
	if seen["zgoda_spool_records_total"] != 1 || seen["zgoda_spool_waiting_records"] != 1 ||
		seen["zgoda_spool_synced_bytes_total"] != headerSize+group {
		t.Fatalf("metrics: %v", seen)
	}
	if err := s.Register(reg); err == nil {
		t.Fatal("registered twice")
	}
}

func mustReadDir(tb testing.TB, dir string) []os.DirEntry {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return entries
}

// TestHistogramsHaveBothForms: as every histogram has; edges are where a promise is
// counted.
func TestHistogramsHaveBothForms(t *testing.T) {
	s := start(t, smallConfig(t.TempDir()), disk{})
	reg := prometheus.NewPedanticRegistry()
	if err := s.Register(reg); err != nil {
		t.Fatal(err)
	}
	s.put(t, "x")
	s.metrics.wait.Observe(.001)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range families {
		h := f.GetMetric()[0].GetHistogram()
		if h == nil {
			continue
		}
		seen++
		if h.GetSchema() != 3 || len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) < 10 {
			t.Errorf("%s: schema %d, %d spans, %d buckets", f.GetName(), h.GetSchema(), len(h.GetPositiveSpan()), len(h.GetBucket()))
		}
		edges := map[float64]bool{}
		for _, b := range h.GetBucket() {
			edges[b.GetUpperBound()] = true
		}
		if f.GetName() == "zgoda_spool_commit_seconds" && !(edges[.25] && edges[1] && edges[5]) {
			t.Errorf("%s: edges %v", f.GetName(), edges)
		}
	}
	if seen != 3 {
		t.Errorf("%d histograms", seen)
	}
}
