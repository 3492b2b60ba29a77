package control

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// places counts how often a handle stands raw in the files of the store, and in its
// write-ahead log alone.
func places(t *testing.T, cfg Config, h event.Handle) (all, log int) {
	t.Helper()
	for _, name := range []string{"", "-wal", "-shm", "-journal"} {
		b, err := os.ReadFile(filepath.Clean(cfg.Path + name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		n := bytes.Count(b, h[:])
		if all += n; name == "-wal" {
			log = n
		}
	}
	return all, log
}

// known fills a store with somebody, and has their erasure at the step told.
func known(t *testing.T, s *Store) Request {
	t.Helper()
	for range 40 { // each change leaves pages in the log
		appendAll(t, s, entry(handle(77), ledger.StateGiven, "profiling"), linkedTo(77, 78, askedAt), entry(handle(77), ledger.StateProfilingOff, ""))
		appendAll(t, s, entry(handle(5), ledger.StateGiven, "profiling"))
	}
	r := anErasure(77, askedAt)
	must(t, s.AddHandles(t.Context(), []Taken{{r.ID, site, []event.Handle{handle(77), handle(78)}}}))
	appendAll(t, s, entry(handle(77), ledger.StateErased, ""))
	r.Step = StepTold
	addRequests(t, s, r)
	return r
}

func forgotten(r *Request) []Forgotten {
	return []Forgotten{{Request: r.ID, Until: askedAt.AddDate(0, 0, 30), Journal: []byte("sealed"), Keep: askedAt.AddDate(0, 2, 0)}}
}

// TestOverwriteLeavesNothingInTheFiles: after an erasure nothing stands in the files
// of SQLite, its log included, but the rows that are documented to stay 30 days.
func TestOverwriteLeavesNothingInTheFiles(t *testing.T) {
	cfg := config(t)
	s := open(t, cfg)
	r := known(t, s)
	before, log := places(t, cfg, handle(77))
	if before < 40 || log == 0 {
		t.Fatalf("it stands in %d places, %d of the log: the test sees nothing", before, log)
	}
	must(t, s.ForgetSubjects(t.Context(), forgotten(&r)))
	if _, log := places(t, cfg, handle(77)); log != 0 {
		t.Errorf("the log has it in %d places", log)
	}
	// The bare standing and its end: a row each, and its key in an index of each.
	if all, _ := places(t, cfg, handle(77)); all == 0 || all > 4 {
		t.Errorf("it stands in %d places", all)
	}
	if seen := everywhere(t, s, handle(77)); len(seen) != 2 {
		t.Errorf("it stands in %v", seen)
	}
	if info, err := os.Stat(cfg.Path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log is not empty: %v, %v", info, err)
	}
	must(t, s.SweepErased(t.Context(), askedAt.AddDate(0, 0, 31)))
	must(t, s.Overwrite(t.Context()))
	if all, _ := places(t, cfg, handle(77)); all != 0 {
		t.Errorf("after its time it stands in %d places", all)
	}
}

// TestOverwriteWaitsForReaders: whoever reads an older state holds the log, and what
// is told then is an error, not that it is done.
func TestOverwriteWaitsForReaders(t *testing.T) {
	cfg := config(t)
	cfg.Busy, cfg.Timeout = 20*time.Millisecond, 100*time.Millisecond
	s := open(t, cfg)
	appendAll(t, s, entry(handle(77), ledger.StateGiven, "profiling"))
	tx, err := s.db.plain().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readSequence(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, entry(handle(77), ledger.StateRefused, "profiling"))
	if err := s.Overwrite(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is read: %v", err)
	}
	must(t, tx.Rollback())
	must(t, s.Overwrite(t.Context()))
	if _, log := places(t, cfg, handle(77)); log != 0 {
		t.Errorf("the log has it in %d places", log)
	}
}
