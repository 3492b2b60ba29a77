package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	m     = time.Minute
	tick  = 30 * time.Second
	from  = 2 * m  // when the fault of a case begins
	nears = 12 * m // how long what is nearly bad lasts
)

// change is what is otherwise than in a healthy system between two times.
type change func(from, to time.Duration) world

func gauge(name string, v, rest float64) change {
	return func(from, to time.Duration) world { return world{name: during(from, to, v, rest)} }
}

// brief ends before its time.
func brief(name string, v, rest float64, long time.Duration) change {
	return func(from, _ time.Duration) world { return world{name: during(from, from+long, v, rest)} }
}

func rises(name string, by float64) change {
	return func(from, _ time.Duration) world { return world{name: jump(from, by)} }
}

func climbs(name string, each float64) change {
	return func(from, to time.Duration) world { return world{name: climb(from, to, each)} }
}

// lasts is a gauge that tells how long it has been so.
func lasts(name string) change {
	return func(from, to time.Duration) world { return world{name: since(from, to)} }
}

// always is so before and after as well.
func stays(name string, v float64) change {
	return func(time.Duration, time.Duration) world { return world{name: flat(v)} }
}

func missing(name string) change {
	return func(time.Duration, time.Duration) world { return world{name: nil} }
}

func all(changes ...change) change {
	return func(from, to time.Duration) world {
		w := world{}
		for _, c := range changes {
			maps.Copy(w, c(from, to))
		}
		return w
	}
}

// fault is what raises an alert, and what nearly does.
type fault struct {
	alert string // name and severity
	bad   change
	after time.Duration // from its begin: when the expression is first true
	ends  time.Duration // from its end: when nothing fires any more; open: not looked at
	near  change        // raises nothing
}

const open = time.Duration(-1)

// waits is the longest that a rule of the alert waits before it fires.
func (f *fault) waits(t *testing.T) time.Duration {
	t.Helper()
	for _, a := range Alerts() {
		if a.Name+" "+string(a.Severity) == f.alert {
			return a.For
		}
	}
	t.Fatalf("there is no alert %s", f.alert)
	return 0
}

// TestAlerts: each alert fires in its time, alone, and ends.
func TestAlerts(t *testing.T) {
	t.Parallel()
	var stories []story
	for _, f := range slices.Concat(processFaults, spoolFaults, keyFaults, rightsFaults) {
		wait := f.waits(t)
		due := from + (f.after + wait + tick - 1).Truncate(tick)
		to := due + m
		s := story{name: f.alert + " fires alone, and ends", world: healthy().with(f.bad(from, to))}
		s.moments = []moment{{from - tick, nil}, {due + tick, []string{f.alert}}}
		if early := due - tick; early >= from && wait >= tick {
			s.moments = append(s.moments, moment{early, nil})
		}
		if f.ends != open {
			s.moments = append(s.moments, moment{to + max(f.ends, tick), nil})
		}
		stories = append(stories, s)
	}
	promtool(t, tick, stories...)
}

// TestNearlyBad: what is nearly bad enough raises nothing, all at once where it is
// about different series.
func TestNearlyBad(t *testing.T) {
	t.Parallel()
	var worlds []world
	var names []string
	for _, f := range slices.Concat(processFaults, spoolFaults, keyFaults, rightsFaults) {
		near := f.near(from, from+nears)
		fits := slices.IndexFunc(worlds, func(w world) bool {
			for name := range near {
				if _, there := w[name]; there {
					return false
				}
			}
			return true
		})
		if fits < 0 {
			fits, worlds, names = len(worlds), append(worlds, world{}), append(names, "not quite:")
		}
		maps.Copy(worlds[fits], near)
		names[fits] += " " + f.alert
	}
	var stories []story
	for i, w := range worlds {
		s := story{name: names[i], world: healthy().with(w)}
		for at := from; at <= from+nears+m; at += tick {
			s.moments = append(s.moments, moment{at, nil})
		}
		stories = append(stories, s)
	}
	promtool(t, tick, stories...)
}

// TestEveryAlertHasCases: of each rule it is tested that it fires and that it does not.
func TestEveryAlertHasCases(t *testing.T) {
	cases := map[string]bool{}
	for _, f := range slices.Concat(processFaults, spoolFaults, keyFaults, rightsFaults) {
		cases[f.alert] = true
	}
	for _, s := range slices.Concat(chains(), burns(), []story{minutes()}) {
		for _, mo := range s.moments {
			for _, alert := range mo.fire {
				cases[alert] = true
			}
		}
	}
	for _, a := range Alerts() {
		if !cases[a.Name+" "+string(a.Severity)] {
			t.Errorf("no case for %s %s", a.Name, a.Severity)
		}
	}
	for alert := range cases {
		if name, _, _ := strings.Cut(alert, " "); !slices.Contains(Names(), name) {
			t.Errorf("a case for %s, which is not there", alert)
		}
	}
}
