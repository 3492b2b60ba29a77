package optout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/optout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type people struct {
	mu      sync.Mutex
	out     map[event.Handle]bool
	entries []ledger.Entry
	fail    error
	hold    chan struct{} // Record waits for it, unless it is nil
}

func (p *people) Record(ctx context.Context, _ event.SiteID, h event.Handle) (consent.Record, error) {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return consent.Record{OptOut: p.out[h]}, p.fail
}

func (p *people) Write(_ context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		p.out[e.Subject] = true
		p.entries = append(p.entries, e)
	}
	return 1, p.fail
}

func (p *people) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.entries)
}

func start(t *testing.T, p *people) (*optout.Recorder, *prometheus.Registry, func()) {
	t.Helper()
	registry := prometheus.NewRegistry()
	r, err := optout.New(optout.Deps{People: p, Logger: slog.New(slog.DiscardHandler), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return r, registry, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func outcome(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == name {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// TestOneEntryForEachContact: however often it is noted.
func TestOneEntryForEachContact(t *testing.T) {
	p := &people{out: map[event.Handle]bool{{9}: true}}
	r, registry, stop := start(t, p)
	defer stop()
	for range 100 {
		for _, h := range []event.Handle{{1}, {2}, {9}} {
			r.Note("shop", h, consent.CarrierHeader)
		}
	}
	stop() // writes what waits
	if p.count() != 2 || outcome(t, registry, "recorded") != 2 {
		t.Fatalf("%d entries", p.count())
	}
	if e := p.entries[0]; e.State != ledger.StateOptedOut || e.Proof != ledger.ProofSignal || !e.GPC || e.Channel != ledger.ChannelSignal {
		t.Error("the entry does not say what it is")
	}
}

// TestEntryNamesWhatCarriedTheSignal: an entry is no proof of a header that did not come.
func TestEntryNamesWhatCarriedTheSignal(t *testing.T) {
	for in, want := range map[consent.Carrier][2]string{
		consent.CarrierHeader: {"Sec-GPC", "Sec-GPC: 1"},
		consent.CarrierBody:   {"gpc in the event", `"gpc": true`},
		consent.CarrierGPP:    {"GPP string", "the subsection for GPC of a GPP string"},
		consent.CarrierNone:   {"gpc", "Global Privacy Control"},
	} {
		p := &people{out: map[event.Handle]bool{}}
		r, _, stop := start(t, p)
		r.Note("shop", event.Handle{1}, in)
		stop()
		if len(p.entries) != 1 || p.entries[0].ProofRef != want[0] || p.entries[0].RawSignal != want[1] {
			t.Errorf("%s: %+v", in, p.entries)
		}
	}
}

// TestNoteNeverWaits: with a store that hangs, what does not fit is counted.
func TestNoteNeverWaits(t *testing.T) {
	p := &people{out: map[event.Handle]bool{}, hold: make(chan struct{})}
	r, registry, stop := start(t, p)
	defer stop()
	const all = 5000
	for i := range all {
		r.Note("shop", event.Handle{1, byte(i), byte(i >> 8)}, consent.CarrierHeader)
	}
	if outcome(t, registry, "queue_full") < all-1100 {
		t.Errorf("%v did not fit", outcome(t, registry, "queue_full"))
	}
	close(p.hold)
	stop()
}

// eventually polls, since nothing tells from outside what a recorder has done.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestAFailureIsMetAgain: it fails nobody, and the next event tries again.
func TestAFailureIsMetAgain(t *testing.T) {
	p := &people{out: map[event.Handle]bool{}, fail: errors.New("away")}
	r, registry, stop := start(t, p)
	defer stop()
	r.Note("shop", event.Handle{1}, consent.CarrierHeader)
	eventually(t, "the failure is counted", func() bool { return outcome(t, registry, "failed") == 1 })
	p.mu.Lock()
	p.fail = nil
	p.mu.Unlock()
	eventually(t, "it is tried again", func() bool {
		if p.count() > 0 {
			return true
		}
		r.Note("shop", event.Handle{1}, consent.CarrierHeader)
		return false
	})
}

// TestFailuresInARowAreLoggedOnce: a store that is away fills no log.
func TestFailuresInARowAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	r, err := optout.New(optout.Deps{
		People:     &people{out: map[event.Handle]bool{}, fail: errors.New("away")},
		Logger:     slog.New(slog.NewTextHandler(&log, nil)),
		Registerer: registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(3) {
		r.Note("shop", event.Handle{1 + i}, consent.CarrierHeader)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := r.Run(ended); err != nil { // what waits is tried before it ends
		t.Fatal(err)
	}
	if n := outcome(t, registry, "failed"); n != 3 {
		t.Errorf("%v failures", n)
	}
	if n := strings.Count(log.String(), "could not be recorded"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}
