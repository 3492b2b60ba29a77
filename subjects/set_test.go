package subjects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/event"
)

func TestLoadThenHit(t *testing.T) {
	w := newWorld(t)
	first := w.load(visitor("v"), user("u"))
	again := w.load(visitor("v"), user("u"))
	if first[0].Handles != again[0].Handles || first[1].Handles != again[1].Handles || w.keys.resolves.Load() != 1 {
		t.Errorf("the second load was no hit: %d calls", w.keys.resolves.Load())
	}
	if first[0].Handles.Consent == first[1].Handles.Consent || first[0].Handles.Period == 0 {
		t.Error("the handles are not the keyholder's")
	}
	if hits, misses := counted(t, w.set.metrics.hits), counted(t, w.set.metrics.misses); hits != 2 || misses != 2 {
		t.Errorf("%v hits, %v misses", hits, misses)
	}
}

func TestKeysThatCollideAreToldApart(t *testing.T) {
	w := newWorld(t)
	a := visitor("a")
	b := a
	b.H1[31] ^= 1 // the same first 8 bytes
	c := a
	c.Kind = event.KindCustomerID
	seen := map[event.Handle]bool{}
	for range 2 {
		for _, id := range []Identity{a, b, c} {
			e := w.load(id)[0]
			if e.h1 != id.H1 || e.kind != id.Kind {
				t.Fatal("somebody else's entry was answered")
			}
			seen[e.Handles.Consent] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d people, want 3", len(seen))
	}
	if e := new(Entry); w.set.peek(w.set.sites.number("other"), w.set.calendar.momentOf(time.Now()), &a, e) || !e.IsZero() {
		t.Error("another site's entry was answered")
	}
}

func TestEntriesEndWithTheirTimeAndPeriod(t *testing.T) {
	w := newWorld(t)
	out := make([]Entry, 1)
	loaded := func() int64 { return w.keys.resolves.Load() }
	at := func(now time.Time) Entry {
		t.Helper()
		if err := w.set.Load(t.Context(), site, now, []Identity{visitor("v")}, out); err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	november := at(end.Add(-time.Minute))
	if november.Handles.Period != 202611 || at(end.Add(-time.Nanosecond)).Handles.Period != 202611 || loaded() != 1 {
		t.Error("an entry lasts to the end of the period")
	}
	december := at(end)
	if december.Handles.Period != 202612 || loaded() != 2 {
		t.Error("an entry outlived its period")
	}
	if at(end.Add(w.cfg.TTL - time.Nanosecond)); loaded() != 2 {
		t.Error("an entry lives for the TTL")
	}
	if at(end.Add(w.cfg.TTL)); loaded() != 3 {
		t.Error("an entry outlived its TTL")
	}
	if at(end.Add(-time.Hour)).Handles.Period != 202611 || loaded() != 4 {
		t.Error("an entry is not good for the period before")
	}
}

func TestMissesAreGathered(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Wait = time.Minute })
	gate := make(chan struct{})
	w.keys.set(func() { w.keys.gate = gate })
	var wg sync.WaitGroup
	start := func(name string) {
		wg.Go(func() {
			out := make([]Entry, 1)
			if err := w.set.Load(context.Background(), site, time.Now(), []Identity{visitor(name)}, out); err != nil {
				t.Error(err)
			}
		})
	}
	start("first") // goes at once
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	for i := range 200 {
		start(fmt.Sprint(i % 100)) // each twice
	}
	eventually(t, func() bool {
		lane := &w.set.loads.small
		lane.mu.Lock()
		defer lane.mu.Unlock()
		return lane.open != nil && lane.open.room == 200 // everybody has come
	})
	close(gate)
	w.waitIsOver()
	wg.Wait()
	if calls, asked := w.keys.resolves.Load(), w.keys.asked.Load(); calls != 2 || asked != 101 {
		t.Errorf("%d calls for 201 misses, %d identifiers asked for", calls, asked)
	}
}

func TestMissNeverBlocksHit(t *testing.T) {
	w := newWorld(t)
	w.load(visitor("known"))
	gate := make(chan struct{})
	w.keys.set(func() { w.keys.gate = gate })
	done := make(chan error, 1)
	go func() {
		done <- w.set.Load(context.Background(), site, time.Now(), []Identity{visitor("new")}, make([]Entry, 1))
	}()
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	out := w.load(visitor("known")) // the miss still hangs
	if err := w.set.Accept(out, func() error { return nil }); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		t.Errorf("the miss did not hang: %v", err)
	default:
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	w := newWorld(t)
	gate := make(chan struct{})
	w.keys.set(func() { w.keys.gate = gate })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.set.Load(ctx, site, time.Now(), []Identity{visitor("v")}, make([]Entry, 1)) }()
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(gate)
}

func TestLoadRefuses(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		site event.SiteID
		id   Identity
		want error
	}{
		"a site that is not": {"other", visitor("v"), ErrSite},
		"no identifier":      {site, Identity{Kind: event.KindVisitor}, ErrIdentity},
		"no kind":            {site, Identity{H1: visitor("v").H1}, ErrIdentity},
		"a kind that is not": {site, Identity{H1: visitor("v").H1, Kind: 99}, ErrIdentity},
	} {
		if err := w.set.Load(t.Context(), c.site, time.Now(), []Identity{c.id}, make([]Entry, 1)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := w.set.Load(t.Context(), site, time.Now(), []Identity{visitor("v")}, nil); err == nil {
		t.Error("no place for the answer")
	}
}

func TestChangeMakesEntriesStale(t *testing.T) {
	w := newWorld(t)
	v := w.load(visitor("v"))
	u := w.load(user("u"))
	both := []Entry{v[0], u[0], {}}
	calls := 0
	put := func() error { calls++; return nil }
	if err := w.set.Accept(both, put); err != nil || calls != 1 {
		t.Fatalf("nothing has changed: %v", err)
	}
	w.grant(u[0].Handles.Consent, "analytics", true)
	if err := w.set.Accept(both, put); !errors.Is(err, ErrStale) || calls != 1 {
		t.Errorf("after a change: %v, %d calls", err, calls)
	}
	if err := w.set.Accept(v, put); err != nil || calls != 2 {
		t.Errorf("somebody else's change: %v", err)
	}
	if err := w.set.Accept(nil, put); err != nil || calls != 3 {
		t.Errorf("an event about nobody: %v", err)
	}
	u = w.load(user("u"))
	if u[0].Record().Purposes[bitAnalytics] != (consent.Held{Choice: consent.ChoiceGiven, Version: 2}) {
		t.Errorf("the grant is not loaded: %+v", u[0].Record().Purposes[bitAnalytics])
	}
	failed := errors.New("full")
	if err := w.set.Accept(u, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("the error of put: %v", err)
	}
	if got := counted(t, w.set.metrics.stale); got != 1 {
		t.Errorf("%v stale", got)
	}
}

func TestChangeWaitsForAccept(t *testing.T) {
	w := newWorld(t)
	u := w.load(user("u"))
	inside, leave := make(chan struct{}), make(chan struct{})
	accepted := make(chan error, 1)
	go func() {
		accepted <- w.set.Accept(u, func() error { close(inside); <-leave; return nil })
	}()
	<-inside
	answered := make(chan error, 1)
	go func() {
		_, err := w.set.SetProfiling(context.Background(), site, u[0].Handles.Consent, false, "ana", "")
		answered <- err
	}()
	eventually(t, func() bool { return w.store.Sequence() == 1 }) // durable, and not yet answered
	select {
	case err := <-answered:
		t.Errorf("the switch was answered while an event was being accepted: %v", err)
	default:
	}
	close(leave)
	if err := errors.Join(<-accepted, <-answered); err != nil {
		t.Error(err)
	}
}

func TestDecoyEndsWhenTheContactIsMade(t *testing.T) {
	unknown := user("u")
	unknown.Mint = false
	for name, become := range map[string]func(w *world) error{
		"by an event": func(w *world) error { w.load(user("u")); return nil },
		"by a link": func(w *world) error {
			_, err := w.set.Link(context.Background(), site, time.Now(), []Identity{user("other"), user("u")}, nil)
			return err
		},
		"by an operator": func(w *world) error {
			_, _, err := w.directory().Make(context.Background(), site, event.KindUserID, "u")
			return err
		},
		"behind our back, then found": func(w *world) error {
			w.keys.set(func() { w.keys.contacts[unknown.H1] = derived("contact", unknown.H1) })
			_, _, err := w.directory().Find(context.Background(), site, event.KindUserID, "u")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			decoy := w.load(unknown)
			if calls := w.keys.resolves.Load(); w.load(unknown)[0].Handles != decoy[0].Handles || w.keys.resolves.Load() != calls {
				t.Error("a decoy is cached like anyone")
			}
			if err := become(w); err != nil {
				t.Fatal(err)
			}
			if err := w.set.Accept(decoy, func() error { return nil }); !errors.Is(err, ErrStale) {
				t.Errorf("the decoy is still accepted: %v", err)
			}
			if e := w.load(unknown)[0]; e.Handles.Consent == decoy[0].Handles.Consent {
				t.Error("the decoy is still answered")
			}
		})
	}
}

func TestRestartKeepsTheSwitch(t *testing.T) {
	w := newWorld(t)
	e := w.load(user("u"))[0]
	w.grant(e.Handles.Consent, "profiling", true)
	w.profiling(e.Handles.Consent, false)
	w.close()
	w.open()
	if profilingAllowed(w.load(user("u"))...) {
		t.Error("the switch was lost")
	}
	// What was accepted by the process before is looked up.
	if !w.set.fence.suspect(&e.Handles.Consent, 1) || w.set.fence.suspect(&e.Handles.Consent, 2) {
		t.Error("the floor is not the store's sequence")
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{Wait: -1, Batch: 5000}).Validate(); err == nil {
		t.Error("an empty config was accepted")
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a set without parts was made")
	}
	if _, err := NewDirectory(nil, nil, nil, nil); err == nil {
		t.Error("a directory without parts was made")
	}
}

func TestMetricsRegister(t *testing.T) {
	w := newWorld(t)
	r := prometheus.NewPedanticRegistry()
	deps := Deps{Resolver: w.keys, Store: w.store, Policies: policies, Registerer: r}
	s, err := New(w.cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.SetProfiling(t.Context(), site, event.Handle{1}, false, "ana", ""); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil || len(families) != 22 {
		t.Errorf("%d families, %v", len(families), err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "zgoda_subjects_fence_size":
			if got := f.GetMetric()[0].GetGauge().GetValue(); got != 1 {
				t.Errorf("fence size %v", got)
			}
		case "zgoda_withdrawal_to_enforced_seconds":
			if got := f.GetMetric()[0].GetHistogram().GetSampleCount(); got != 1 {
				t.Errorf("%v changes enforced", got)
			}
		}
	}
	if _, err := New(w.cfg, deps); err == nil {
		t.Error("the same names were registered twice")
	}
}

// counted reads a counter.
func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	until(ctx, done)
	if !done() {
		t.Fatal("it did not come to pass within ten seconds")
	}
}
