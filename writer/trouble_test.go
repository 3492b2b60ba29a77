package writer

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zgoda/spool"
)

// lines counts what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(words))
}

// TestStoreAwayForLong: while the store is away the spool grows to its limit and
// says so, the log does not grow with it, and when the store is back everything
// is shipped once and the spool takes records again.
func TestStoreAwayForLong(t *testing.T) {
	dir, st, said := t.TempDir(), newStore(nil), &lines{}
	st.setAway(true)
	over := smallSpool(dir)
	over.MaxBytes = 4 * over.SegmentBytes
	p := beginOver(t, over, st, testConfig(dir), slog.New(slog.NewTextHandler(said, nil)))
	p.run()
	n := 0
	for ; p.spool.Healthy() == nil; n++ {
		p.accept(encoded(fmt.Sprint(n), ""))
	}
	if _, err := p.spool.Put(encoded("over", "")); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("a full spool: %v", err)
	}
	retried := func() float64 { return p.metric("retries_total") }
	before := retried()
	eventually(t, "hundreds of attempts", func() bool { return retried() > before+300 })
	if got := said.count("\n"); got > 3 {
		t.Fatalf("%d lines in the log", got)
	}
	st.setAway(false)
	if p.drain() || p.spool.Healthy() != nil {
		t.Fatalf("not shipped: %v", p.spool.Healthy())
	}
	p.accept(encoded("again", ""))
	if p.drain() {
		t.Fatal("died")
	}
	p.end()
	if p.fates.stored != n+1 || len(st.rows) != n+1 || said.count("the writer goes on") == 0 {
		t.Fatalf("%d of %d stored, fates %+v", len(st.rows), n+1, &p.fates)
	}
}

// TestQuarantineIsBounded: when the quarantine is full the poisonous record stays
// in its range, the metric and the log say so, and it goes on once there is room.
func TestQuarantineIsBounded(t *testing.T) {
	dir, st, said := t.TempDir(), newStore(nil), &lines{}
	cfg := testConfig(dir)
	cfg.MaxKept = 700
	p := begin(t, dir, st, cfg, slog.New(slog.NewTextHandler(said, nil)))
	p.run()
	full := func() bool { return p.metric("quarantine_full") == 1 }
	n := 0
	for ; !full(); n++ {
		p.accept(encoded(fmt.Sprintf("bad%d", n), "poison"))
		eventually(t, "kept or full", func() bool { return full() || p.spool.Stats().Records == 0 })
	}
	size, err := p.writer.quarantine.log.Size()
	if err != nil || size > cfg.MaxKept || n < 2 || p.metric("quarantine_bytes") != float64(size) || p.metric("quarantine_limit_bytes") != 700 {
		t.Fatalf("%d bytes after %d records, %v", size, n, err)
	}
	eventually(t, "the log says so", func() bool { return said.count("the quarantine is full") > 0 })
	kept := len(keptIn(t, dir))
	if kept != n-1 || p.spool.Stats().Records != 1 {
		t.Fatalf("%d of %d kept, %d wait", kept, n, p.spool.Stats().Records)
	}
	p.accept(encoded("good", "")) // it waits behind
	files, _ := filepath.Glob(filepath.Join(dir, "quarantine", "*"+quarantineSuffix))
	for _, path := range files { // also the one that the process has open
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if p.drain() || full() {
		t.Fatal("it does not go on")
	}
	p.end()
	if got := keptIn(t, dir); len(got) != 1 || p.fates.quarantine != n || st.rows["shop|good"] != 1 {
		t.Fatalf("%d kept, fates %+v", len(got), &p.fates)
	}
}

// breakSegments flips a byte in the first group of every segment but the first.
func breakSegments(t *testing.T, dir string) int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "spool", "*.seg"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d segments, %v", len(paths), err)
	}
	for _, path := range paths[1:] {
		b, err := os.ReadFile(path)
		if err == nil {
			b[len(b)/2] ^= 1
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return len(paths) - 1
}

func removeSegments(t *testing.T, dir string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "spool", "*.seg"))
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedSegments: what is lost is counted as quarantined, the rest is shipped,
// and the writer goes on.
func TestDamagedSegments(t *testing.T) {
	const n = 60
	for name, bad := range map[string]func(t *testing.T, dir string){
		"flipped": func(t *testing.T, dir string) { t.Helper(); breakSegments(t, dir) },
		"removed": removeSegments,
	} {
		t.Run(name, func(t *testing.T) {
			dir, st := t.TempDir(), newStore(nil)
			p := begin(t, dir, st, testConfig(dir), quiet)
			for i := range n {
				p.accept(encoded(fmt.Sprint(i), ""))
			}
			bad(t, dir)
			p.run()
			if p.drain() {
				t.Fatal("died")
			}
			p.accept(encoded("goes on", ""))
			if p.drain() || st.stored()["shop|goes on"] != 1 {
				t.Fatal("the writer does not go on")
			}
			p.end()
			if p.fates.quarantine == 0 || p.fates.stored+p.fates.quarantine != n+1 || len(st.rows) != p.fates.stored {
				t.Fatalf("fates %+v", &p.fates)
			}
		})
	}
}

// TestDamagedJournalledRange: the same for a range that was under way when the
// process died, over several segments.
func TestDamagedJournalledRange(t *testing.T) {
	dir, st := t.TempDir(), newStore([]fault{faultCrash})
	cfg := testConfig(dir)
	cfg.BatchRows, cfg.Linger, cfg.MaxLinger = 100, time.Hour, time.Hour
	p := begin(t, dir, st, cfg, quiet)
	for i := range 100 {
		p.accept(encoded(fmt.Sprint(i), ""))
	}
	p.run()
	<-p.ctx.Done()
	p.end()
	p = begin(t, dir, st, cfg, quiet)
	if p.spool.Recovered() != 100 {
		t.Fatalf("recovered %d", p.spool.Recovered())
	}
	broken := breakSegments(t, dir)
	p.run()
	if p.drain() {
		t.Fatal("died")
	}
	p.end()
	if p.fates.quarantine < broken-1 || p.fates.stored == 0 || p.fates.sum() != 100 || len(st.rows) != p.fates.stored {
		t.Fatalf("fates %+v with %d segments broken", &p.fates, broken)
	}
}

// TestQuarantineIsTold: the log says how many records of a range went into the
// quarantine, and by which error, also when the refused row was in one half of a
// half; nothing of the rows is in it.
func TestQuarantineIsTold(t *testing.T) {
	dir, st, said := t.TempDir(), newStore(nil), &lines{}
	cfg := testConfig(dir)
	cfg.BatchRows, cfg.Linger, cfg.MaxLinger = 8, time.Hour, time.Hour
	p := begin(t, dir, st, cfg, slog.New(slog.NewTextHandler(said, nil)))
	for i := range 8 {
		name := ""
		if i == 2 || i == 5 {
			name = "poison"
		}
		p.accept(encoded(fmt.Sprint("row", i), name))
	}
	p.run()
	if p.drain() {
		t.Fatal("died")
	}
	p.end()
	if said.count(`msg="events are in the quarantine" records=2 why=other error=poison`) != 1 || said.count("row2") != 0 {
		t.Errorf("the log: %v", said)
	}
}
