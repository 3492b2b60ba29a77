package control

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/control/pgtest"
	"zgoda/event"
)

// BenchmarkLedger appends entries about people of whom nothing is on record, each
// with an idempotency key, durably: so many at a time, from so many callers.
func BenchmarkLedger(b *testing.B) {
	for _, c := range []struct {
		name           string
		callers, batch int
	}{{"one by one from 256", 256, 1}, {"batches of 256 from 16", 16, 256}} {
		b.Run("sqlite/"+c.name, func(b *testing.B) {
			ledgerRate(b, DefaultConfig(filepath.Join(b.TempDir(), "control.db")), c.callers, c.batch)
		})
	}
	server := pgtest.StartDurable(b)
	for _, c := range []struct {
		name           string
		callers, batch int
	}{{"one by one from 256", 256, 1}, {"batches of 256 from 16", 16, 256}} {
		b.Run("postgres/"+c.name, func(b *testing.B) {
			cfg := DefaultConfig("")
			cfg.Address = server.Database(b)
			ledgerRate(b, cfg, c.callers, c.batch)
		})
	}
}

func ledgerRate(b *testing.B, cfg Config, callers, batch int) {
	b.Helper()
	cfg.Timeout = 30 * time.Second
	s, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	b.ResetTimer()
	began := time.Now()
	var callersDone sync.WaitGroup
	each := (b.N + callers - 1) / callers
	for caller := range callers {
		callersDone.Go(func() {
			for from := 0; from < each; from += batch {
				if err := appendBatch(s, caller, from, min(batch, each-from)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callersDone.Wait()
	b.ReportMetric(float64(each*callers)/time.Since(began).Seconds(), "entries/s")
	b.StopTimer()
	if heads, err := s.Heads(b.Context()); err != nil || len(heads) != 1 || heads[0].Number != ledger.Number(each*callers) {
		b.Errorf("%v, %v", heads, err)
	}
}

func appendBatch(s *Store, caller, from, n int) error {
	entries := make([]ledger.Entry, n)
	for i := range entries {
		number := uint64(caller)<<32 | uint64(from+i)
		var h event.Handle
		binary.LittleEndian.PutUint64(h[:], number*0x9e3779b97f4a7c15)
		h[15] = 1
		entries[i] = entry(h, ledger.StateGiven, "analytics")
		entries[i].Key = fmt.Sprint("bench-", number)
	}
	_, err := s.Append(context.Background(), entries...)
	return err
}
