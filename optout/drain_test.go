package optout_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/optout"
)

// hung are people whose store answers nothing before the caller gives up; after
// so many questions it answers at once.
type hung struct {
	mu      sync.Mutex
	hangs   int
	asked   int
	written int
}

func (h *hung) Record(ctx context.Context, _ event.SiteID, _ event.Handle) (consent.Record, error) {
	h.mu.Lock()
	h.asked++
	hangs := h.asked <= h.hangs
	h.mu.Unlock()
	if hangs {
		<-ctx.Done()
	}
	return consent.Record{}, ctx.Err()
}

func (h *hung) Write(context.Context, ...ledger.Entry) (event.Sequence, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.written++
	return 1, nil
}

// drained runs a recorder until it has ended, with a full queue that it met when
// it was told to end, and returns how long it took to end.
func drained(t *testing.T, h *hung, full int) (took time.Duration, registry *prometheus.Registry) {
	t.Helper()
	registry = prometheus.NewRegistry()
	r, err := optout.New(optout.Deps{People: h, Logger: slog.New(slog.DiscardHandler), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for i := range full {
		r.Note("shop", event.Handle{1, byte(i), byte(i >> 8)}, consent.CarrierHeader)
	}
	synctest.Wait() // one is being written, or none waits
	cancel()
	began := time.Now()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return time.Since(began), registry
}

// TestTheEndIsBounded: with a store that hangs and a full queue, the end takes no
// longer than the one that is being written and the time of one more.
func TestTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hung{hangs: 1 << 20}
		took, registry := drained(t, h, 1000)
		if took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
		// Both times end at one moment, and one more may be met in it.
		if h.written != 0 || h.asked < 2 || h.asked > 3 || outcome(t, registry, "failed") != float64(h.asked) {
			t.Errorf("%d written, %d asked, %v failures", h.written, h.asked, outcome(t, registry, "failed"))
		}
	})
}

// TestTheEndWritesWhatWaits: once the store answers again, all that waits is
// written before the end.
func TestTheEndWritesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hung{hangs: 1}
		took, registry := drained(t, h, 1000)
		if h.written != 999 || outcome(t, registry, "recorded") != 999 || outcome(t, registry, "failed") != 1 {
			t.Errorf("%d written", h.written)
		}
		if took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
