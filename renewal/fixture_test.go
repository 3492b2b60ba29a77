package renewal

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const site = event.SiteID("shop")

// policy has a purpose whose grants last a year, and one whose last for ever
// unless a grant has an end of its own.
var policy = &consent.Policy{Site: site, Version: 1, Purposes: []consent.Purpose{
	{ID: "analytics", Bit: 0, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 2, Renew: consent.Retention{Months: 12}},
	{ID: "marketing", Bit: 1, Kind: consent.KindMarketing, Basis: consent.BasisConsent, Version: 1},
}}

// house is a job over a real store, with a clock that stands.
type house struct {
	*Job
	store *control.Store
	now   time.Time
	reg   *prometheus.Registry
}

// Write implements people: subjects.Set writes to the store and tells its cache.
func (h *house) Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	change, err := h.store.Append(ctx, entries...)
	return change.Sequence, err
}

func open(t *testing.T) *house {
	t.Helper()
	store, err := control.Open(t.Context(), control.DefaultConfig(filepath.Join(t.TempDir(), "control.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{store: store, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), reg: prometheus.NewRegistry()}
	h.Job = h.job(t, store, h)
	return h
}

// job makes one more job beside the house's own, with its clock.
func (h *house) job(t *testing.T, s store, p people) *Job {
	t.Helper()
	deps := Deps{
		Store: s, People: p, Policies: []*consent.Policy{policy}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return h.now },
	}
	if h.Job == nil {
		deps.Registerer = h.reg
	}
	j, err := New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// give records a grant; until may be zero.
func (h *house) give(t *testing.T, who event.Handle, purpose event.PurposeID, at, until time.Time) {
	t.Helper()
	version := uint32(1)
	if purpose == "analytics" {
		version = 2
	}
	if _, err := h.Write(t.Context(), ledger.Entry{
		Site: site, Subject: who, Purpose: purpose, PurposeVersion: version, State: ledger.StateGiven, Type: ledger.EventExplicit,
		Channel: ledger.ChannelDialogue, At: at, Until: until,
	}); err != nil {
		t.Fatal(err)
	}
}

// states are the entries about somebody.
func (h *house) states(t *testing.T, who event.Handle) (states []ledger.State) {
	t.Helper()
	entries, err := h.store.History(t.Context(), site, who, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		states = append(states, entries[i].State)
	}
	return states
}

// once runs the job and expects so many to be noted.
func (h *house) once(t *testing.T, want int) {
	t.Helper()
	if n, err := h.Once(t.Context()); err != nil || n != want {
		t.Errorf("%d were noted, not %d: %v", n, want, err)
	}
}

func (h *house) list(t *testing.T, ahead time.Duration) (asks []Ask) {
	t.Helper()
	if err := h.List(t.Context(), policy, ahead, func(a Ask) error {
		asks = append(asks, a)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return asks
}

func counted(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "zgoda_renewal_expired_total" {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

// frail is a store and people in memory, that fail as long as they are told to.
type frail struct {
	mu      sync.Mutex
	fail    error
	found   []control.Grant
	entries []ledger.Entry
	looked  []time.Time // when grants were looked for
	dropped []time.Time // what links were forgotten before
}

// works ends the failures.
func (f *frail) works() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = nil
}

// did says how often grants were looked for, what was written, and before when links
// were forgotten.
func (f *frail) did() (looked int, entries []ledger.Entry, dropped []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.looked), slices.Clone(f.entries), slices.Clone(f.dropped)
}

func (f *frail) Lapsing(_ context.Context, _ event.SiteID, p event.PurposeID, _, _ time.Time, after event.Handle, _ int) ([]control.Grant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p != "analytics" || !after.IsZero() {
		return nil, nil
	}
	f.looked = append(f.looked, time.Now())
	return append([]control.Grant(nil), f.found...), nil
}

func (f *frail) Expired(context.Context, event.SiteID, event.PurposeID, event.Handle, int) ([]control.Grant, error) {
	return nil, nil
}

func (f *frail) DropLinksBefore(_ context.Context, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, at)
	return nil
}

func (f *frail) Write(_ context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return 0, f.fail
	}
	f.entries = append(f.entries, entries...)
	return event.Sequence(len(f.entries)), nil
}
