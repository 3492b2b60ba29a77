package spool

import (
	"testing"
	"time"
)

// TestNoAllocationPerRecord: a group costs the same few allocations however many
// records are in it: the group, the channel that wakes those who wait, the nonce
// and what the clock and the seal need.
func TestNoAllocationPerRecord(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	s, err := open(cfg, testKey, disk{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	rec := make([]byte, 300)
	tickets := make([]Ticket, 256)
	perGroup := func(records int) float64 {
		return testing.AllocsPerRun(50, func() {
			for i := range records {
				if tickets[i], err = s.Put(rec); err != nil {
					t.Fatal(err)
				}
			}
			s.commitGathered()
			for i := range records {
				if err := s.Wait(t.Context(), tickets[i]); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	perGroup(len(tickets))                      // the buffers grow once
	for took := 1e-6; took < 30; took *= 1.02 { // as do the histograms
		s.metrics.commit.Observe(took)
		s.metrics.wait.Observe(took)
	}
	one, many := perGroup(1), perGroup(len(tickets))
	t.Logf("allocations of a group: %v", many)
	if many > one || many > 6 {
		t.Errorf("a group of %d takes %v allocations, one of 1 takes %v", len(tickets), many, one)
	}
}
