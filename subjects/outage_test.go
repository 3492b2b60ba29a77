package subjects

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOutage(t *testing.T) {
	var o outage
	at := func(s int) int64 { return int64(time.Duration(s+1) * time.Second) }
	failed := errors.New("refused")
	for _, c := range []struct {
		name string
		do   func()
		now  int
		want time.Duration
	}{
		{"nobody asked", func() {}, 100, 0},
		{"it failed", func() { o.tell(failed, at(100)) }, 104, 4 * time.Second},
		{"it fails still", func() { o.tell(failed, at(110)) }, 120, 20 * time.Second},
		{"one gave up", func() { o.tell(context.Canceled, at(121)) }, 121, 21 * time.Second},
		{"nobody asks", func() {}, 126, 0},
		{"it fails again after a while", func() { o.tell(failed, at(200)) }, 201, time.Second},
		{"it answers", func() { o.tell(nil, at(202)) }, 203, 0},
		{"one who gave up is not a failure", func() { o.tell(context.Canceled, at(204)) }, 205, 0},
	} {
		c.do()
		if got := o.age(at(c.now)); got != c.want {
			t.Errorf("%s: away for %v, want %v", c.name, got, c.want)
		}
	}
}

// TestControlAwayIsTold: the number of an outage is there from the start, and rises
// while the store fails.
func TestControlAwayIsTold(t *testing.T) {
	w := newWorld(t)
	reg := prometheus.NewRegistry()
	if err := w.set.metrics.register(reg, w.set); err != nil {
		t.Fatal(err)
	}
	w.load(user("known"))
	if got := gauged(t, reg, "zgoda_control_away_seconds"); got != 0 {
		t.Fatalf("away for %v s while it answers", got)
	}
	_ = w.store.Close()
	out := make([]Entry, 1)
	if err := w.set.Load(t.Context(), site, time.Now(), []Identity{user("new")}, out); !errors.Is(err, ErrControlAway) {
		t.Fatal(err)
	}
	if got := gauged(t, reg, "zgoda_control_away_seconds"); got <= 0 || got > 10 {
		t.Errorf("away for %v s after it failed", got)
	}
	if got := gauged(t, reg, "zgoda_subjects_load_failures_total"); got != 1 {
		t.Errorf("%v loads failed", got)
	}
}

// TestFailuresAreToldBeforeTheyHappen: a series that comes with the first failure
// has no rise, and no alert sees it.
func TestFailuresAreToldBeforeTheyHappen(t *testing.T) {
	w := newWorld(t)
	reg := prometheus.NewRegistry()
	if err := w.set.metrics.register(reg, w.set); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	edges := map[string][]float64{}
	for _, f := range families {
		if f.GetName() == "zgoda_subjects_load_failures_total" && len(f.GetMetric()) != 3 {
			t.Errorf("%d of 3 reasons", len(f.GetMetric()))
		}
		for _, b := range f.GetMetric()[0].GetHistogram().GetBucket() {
			edges[f.GetName()] = append(edges[f.GetName()], b.GetUpperBound())
		}
	}
	for _, name := range []string{"zgoda_withdrawal_to_enforced_seconds", "zgoda_withdrawal_to_enforced_elsewhere_seconds"} {
		for _, edge := range []float64{.5, 1, 5, 10} {
			found := false
			for _, e := range edges[name] {
				found = found || e == edge
			}
			if !found {
				t.Errorf("%s has no edge at %v: %v", name, edge, edges[name])
			}
		}
	}
}

// gauged returns the sum of a family's counters and gauges.
func gauged(tb testing.TB, reg *prometheus.Registry, name string) (sum float64) {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	found := false
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		found = true
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	if !found {
		tb.Fatalf("no %s", name)
	}
	return sum
}
