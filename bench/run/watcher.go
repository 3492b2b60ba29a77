package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"zgoda/bench/procfs"
)

// watcher looks every second at what must not grow.
type watcher struct {
	gateway *gateway
	tracks  []*track
	waiting track
}

// track is one number over time.
type track struct {
	name    string
	values  []float64
	of      func(look) (float64, bool)
	allowed func(early float64) float64 // at the end
	write   func(float64) string
}

// look is what one second showed.
type look struct {
	metrics   metrics
	processes map[string]int
}

// The allowance for growth: what caches and garbage do by themselves between
// the second fifth of the run and the last.
func counts(early float64) float64 { return 1.2*early + 30 }
func memory(early float64) float64 { return 1.25*early + 96<<20 }

func newWatcher(g *gateway) *watcher {
	number := func(f float64) string { return thousands(f) }
	size := func(f float64) string { return mebi(int64(f)) }
	w := &watcher{gateway: g, waiting: track{name: "events waiting in the spool", write: number}}
	w.tracks = append(w.tracks, &track{name: "gateway, goroutines", allowed: counts, write: number, of: func(l look) (float64, bool) {
		n, ok := l.metrics[metricRoutines]
		return n, ok
	}})
	for _, name := range []string{"gateway", "keyholder"} {
		of := func(f func(pid int) float64) func(look) (float64, bool) {
			return func(l look) (float64, bool) {
				pid := l.processes[name]
				if pid == 0 {
					return 0, false
				}
				n := f(pid)
				return n, n > 0
			}
		}
		w.tracks = append(
			w.tracks,
			&track{name: name + ", descriptors", allowed: counts, write: number, of: of(func(pid int) float64 { return float64(procfs.Descriptors(pid)) })},
			&track{name: name + ", threads", allowed: counts, write: number, of: of(func(pid int) float64 { return float64(procfs.StatusOf(pid).Threads) })},
			&track{name: name + ", resident memory", allowed: memory, write: size, of: of(func(pid int) float64 { return float64(procfs.StatusOf(pid).Resident) })},
		)
	}
	return w
}

// run looks until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		m, err := w.gateway.scrape(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		l := look{metrics: m, processes: map[string]int{}}
		for _, p := range w.gateway.processes() {
			l.processes[p.name] = p.pid
		}
		w.waiting.values = append(w.waiting.values, m[metricWaiting])
		for _, t := range w.tracks {
			if n, ok := t.of(l); ok {
				t.values = append(t.values, n)
			}
		}
	}
}

// fifth returns the median of one fifth of the run, from 0 to 4.
func (t *track) fifth(n int) float64 {
	part := slices.Clone(t.values[len(t.values)*n/5 : len(t.values)*(n+1)/5])
	if len(part) == 0 {
		return 0
	}
	slices.Sort(part)
	return part[len(part)/2]
}

// grew says whether the last fifth is beyond what the second allows. The first
// is the warming up.
func (t *track) grew() bool { return t.fifth(4) > t.allowed(t.fifth(1)) }

func (w *watcher) report(out *report, fault func(string, ...any)) {
	out.head("looked at each second", "first fifth", "second", "third", "fourth", "last", "highest")
	for _, t := range append(slices.Clone(w.tracks), &w.waiting) {
		if len(t.values) == 0 {
			continue // only root may know
		}
		out.row(t.name, t.write(t.fifth(0)), t.write(t.fifth(1)), t.write(t.fifth(2)), t.write(t.fifth(3)), t.write(t.fifth(4)), t.write(slices.MaxFunc(t.values, cmp.Compare[float64])))
		if t.allowed != nil && t.grew() {
			fault("%s grew from %s to %s", t.name, t.write(t.fifth(1)), t.write(t.fifth(4)))
		}
	}
}
