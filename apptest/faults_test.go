package apptest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/prometheus"
)

// fault is something that breaks, the alert that has to tell of it, and how it is
// mended.
type fault struct {
	what, alert  string
	breaks       func(t *testing.T) // returns as soon as it is broken
	mends        func(t *testing.T)
	within, over time.Duration // from the fault to the alert, and from mending to its end
}

// observed is what became of a fault, for the table.
type observed struct {
	fault
	fired, resolved time.Duration
	pending         []string // other alerts that waited meanwhile and did not fire
}

// after is how long the test looks on once the alert fires, and once it ended:
// another may follow.
const after = 20 * time.Second

// TestFaultsRaiseTheirAlerts: ClickHouse hangs, the keyholder hangs, the spool is
// full, a request is overdue. Each time Debian's Prometheus, with the rules that are
// shipped, raises the alert of that fault within its time and no other, also while it
// lasts; the alert ends once the fault is mended, and none follows. Every second is
// scraped and evaluated: with the 15 seconds of the sample configuration up to 30
// more go by.
func TestFaultsRaiseTheirAlerts(t *testing.T) {
	t.Parallel()
	chains := []struct {
		name    string
		provoke func(*testing.T) []observed
	}{{"ClickHouse", clickhouseFault}, {"spool", spoolFault}, {"keyholder and request", keyholderFaults}}
	table := make([][]observed, len(chains))
	var all sync.WaitGroup
	for i, c := range chains { // beside each other within the one turn of this test: they wait most of the time
		all.Go(func() { t.Run(c.name, func(t *testing.T) { table[i] = c.provoke(t) }) })
	}
	all.Wait()
	t.Log("\n" + faultTable(slices.Concat(table...)))
}

// engineOf is how signals are sent to the ClickHouse of a stack.
func engineOf(t *testing.T, s *stack) func(syscall.Signal) {
	t.Helper()
	pid := s.child("zgoda-clickhouse")
	signal := func(what syscall.Signal) { _ = syscall.Kill(pid, what) }
	t.Cleanup(func() { signal(syscall.SIGCONT) }) // so that it can end
	return signal
}

// clickhouseFault hangs ClickHouse under light load.
func clickhouseFault(t *testing.T) []observed {
	t.Helper()
	s, keyholder := withKeyholderMetrics(t, "")
	p, signal := watch(t, keyholder, s), engineOf(t, s)
	startLoad(t, host(t, s.public), mix{clients: 2, pause: 100 * time.Millisecond})
	scraped(t, p)
	return []observed{provoke(t, p, fault{
		what: "ClickHouse hangs", alert: "ZgodaClickHouseAway", within: time.Minute, over: 45 * time.Second,
		breaks: func(*testing.T) { signal(syscall.SIGSTOP) },
		mends:  func(*testing.T) { signal(syscall.SIGCONT) },
	})}
}

// spoolFault slows ClickHouse under heavy load until the smallest spool is full.
func spoolFault(t *testing.T) []observed {
	t.Helper()
	s, keyholder := withKeyholderMetrics(t, "spool_limit: 64MiB\n")
	p, signal := watch(t, keyholder, s), engineOf(t, s)
	scraped(t, p)
	heavy, goOn := (*load)(nil), func() {}
	return []observed{provoke(t, p, fault{
		what: "the spool is full", alert: "ZgodaSpoolFull", within: 40 * time.Second, over: 2 * time.Minute,
		breaks: func(t *testing.T) {
			t.Helper()
			goOn = slowed(t, signal)
			heavy = startLoad(t, host(t, s.public), mix{clients: 4, pad: 20_000, pause: 5 * time.Millisecond})
			eventually(t, time.Minute, "the first event that is refused", func() bool { return heavy.busy.Load() > 0 })
		},
		mends: func(*testing.T) { heavy.stop(); goOn() },
	})}
}

// slowed lets a process run for one second of five until what is returned is called:
// what it does piles up, and it is never away.
func slowed(t *testing.T, signal func(syscall.Signal)) (goOn func()) {
	t.Helper()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		what, other, lasts, then := syscall.SIGSTOP, syscall.SIGCONT, 4*time.Second, time.Second
		for {
			signal(what)
			select {
			case <-end:
				signal(syscall.SIGCONT)
				return
			case <-time.After(lasts):
				what, other, lasts, then = other, what, then, lasts
			}
		}
	}()
	goOn = sync.OnceFunc(func() { close(end); <-ended })
	t.Cleanup(goOn)
	return goOn
}

// keyholderFaults hangs the keyholder, and then lets a request be overdue.
func keyholderFaults(t *testing.T) []observed {
	t.Helper()
	s, keyholder := withKeyholderMetrics(t, "")
	p := watch(t, keyholder, s)
	pid := s.child("zgoda-keyholder")
	goOn := func(*testing.T) { _ = syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(func() { goOn(t) })
	startLoad(t, host(t, s.public), mix{clients: 2, pause: 100 * time.Millisecond, strangers: true})
	scraped(t, p)
	var request string
	return []observed{
		provoke(t, p, fault{
			what: "the keyholder hangs", alert: "ZgodaKeyholderAway", within: 45 * time.Second, over: 45 * time.Second,
			breaks: func(*testing.T) { _ = syscall.Kill(pid, syscall.SIGSTOP) },
			mends:  goOn,
		}),
		provoke(t, p, fault{
			what: "a request is overdue", alert: "ZgodaRequestOverdue", within: 30 * time.Second, over: 45 * time.Second,
			breaks: func(t *testing.T) {
				t.Helper()
				request = s.overdue(t, "demo", "user_id:load-user-0-1")
			},
			mends: func(t *testing.T) {
				t.Helper()
				for _, act := range []string{"pause", "cancel"} {
					if out, errs, code := s.zgoda(t, "", "requests", act, request); code != 0 {
						t.Fatalf("requests %s: %s%s", act, out, errs)
					}
				}
			},
		}),
	}
}

// provoke breaks something, waits for its alert and for its end, and fails for every
// other alert that fires from before it until a while after.
func provoke(t *testing.T, p *prometheus.Server, f fault) observed {
	t.Helper()
	o, others := observed{fault: f}, map[string]bool{}
	look := func() (fires bool) {
		all, err := p.Alerts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			switch {
			case a.Name == f.alert && a.State == "firing":
				fires = true
			case a.State == "firing" && a.Name != aboutMachine:
				t.Fatalf("%s: %s fires too: %v", f.what, a.Name, a.Labels)
			case a.Name != f.alert:
				others[a.Name] = true
			}
		}
		return fires
	}
	if look() {
		t.Fatalf("%s fires before anything is broken", f.alert)
	}
	f.breaks(t)
	broken := time.Now()
	poll(t, 500*time.Millisecond, f.within, f.what+" raising "+f.alert, look)
	o.fired = time.Since(broken)
	for end := time.Now().Add(after); time.Now().Before(end); pause(t, time.Second) {
		if !look() {
			t.Fatalf("%s ended while %s", f.alert, f.what)
		}
	}
	f.mends(t)
	mended := time.Now()
	poll(t, 500*time.Millisecond, f.over, "the end of "+f.alert, func() bool { return !look() })
	o.resolved = time.Since(mended)
	for end := time.Now().Add(after / 2); time.Now().Before(end); pause(t, time.Second) {
		if look() {
			t.Fatalf("%s fires again", f.alert)
		}
	}
	for name := range others {
		o.pending = append(o.pending, name)
	}
	slices.Sort(o.pending)
	return o
}

func faultTable(all []observed) string {
	var out strings.Builder
	out.WriteString("fault                  alert                  fires after  within  ends after  within  others that fired  others that waited\n")
	for _, o := range all {
		waited := strings.Join(o.pending, ", ")
		if waited == "" {
			waited = "none"
		}
		fmt.Fprintf(&out, "%-22s %-22s %9.1f s %5.0f s %8.1f s %5.0f s  %-18s %s\n", o.what, o.alert, o.fired.Seconds(), o.within.Seconds(), o.resolved.Seconds(), o.over.Seconds(), "none", waited)
	}
	return out.String()
}
