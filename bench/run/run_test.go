package main

import (
	"testing"
	"time"

	"zgoda/bench/load"
	"zgoda/bench/procfs"
)

func round(target string, events int, cpu time.Duration) measured {
	return measured{
		target: target,
		said:   said{Result: &load.Result{Elapsed: time.Second, Events: events, Accepted: events}},
		cpu:    map[string]procfs.CPU{target: {User: cpu}},
	}
}

// TestRatioIsOfTheSameRound: a slow hour slows both, so each round is compared
// with its own.
func TestRatioIsOfTheSameRound(t *testing.T) {
	var r rounds
	for i, bare := range []int{1000, 100, 10_000} {
		r.keep(round("bare 204", bare, time.Millisecond))
		r.keep(round("zgoda", bare/[]int{2, 4, 5}[i], time.Millisecond))
	}
	if got := r.ratio("zgoda", "bare 204"); got != "0.25" {
		t.Errorf("ratio %s, want the median of 0.5, 0.25 and 0.2", got)
	}
	if got := r.ratio("zgoda", "durable limit"); got != "-" {
		t.Errorf("ratio to what was not measured: %s", got)
	}
}

func TestMedian(t *testing.T) {
	all := []measured{round("x", 5, 0), round("x", 1, 0), round("x", 3, 0)}
	if got := median(all, events); got != 3 {
		t.Errorf("median of three: %v", got)
	}
	if got := median(all[:2], events); got != 3 {
		t.Errorf("median of two: %v", got)
	}
	if got := median(nil, events); got != 0 {
		t.Errorf("median of none: %v", got)
	}
}

func TestPerEventIsSecondsAMillion(t *testing.T) {
	m := round("bare 204", 1_000_000, 12*time.Second)
	if got := m.serverCPU(); got != 12 {
		t.Errorf("12 s for a million events are %v us an event", got)
	}
	m = measured{said: m.said, cpu: map[string]procfs.CPU{"gateway": {User: time.Second, System: time.Second}, "engine": {User: time.Minute}}}
	if got := m.serverCPU(); got != 2 {
		t.Errorf("of the gateway alone: %v", got)
	}
}

func TestBalanceAddsEveryFate(t *testing.T) {
	m := metrics{
		"zgoda_events_received_total": 90, "zgoda_events_recovered_total": 10, "zgoda_events_stored_total": 60, "zgoda_events_in_flight": 5,
		"zgoda_events_duplicate_total": 4, "zgoda_events_quarantined_total": 1, `zgoda_events_dropped_total{reason="consent"}`: 9,
		`zgoda_events_dropped_later_total{reason="withdrawn"}`: 1, `zgoda_events_refused_total{reason="malformed"}`: 12, `zgoda_events_refused_total{reason="internal"}`: 8,
	}
	if begun, fated := m.balance(); begun != 100 || fated != 100 {
		t.Errorf("%v begun, %v fated", begun, fated)
	}
}

func TestThousands(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 123456.7: "123,457", 1e9: "1,000,000,000"} {
		if got := thousands(f); got != want {
			t.Errorf("%v: %s", f, got)
		}
	}
}

func TestRefusalsNameTheirStatus(t *testing.T) {
	m := round("zgoda", 1, 0)
	if got := refusals([]measured{m}); got != "0" {
		t.Errorf("none: %s", got)
	}
	m.Result.Refused, m.Result.Broken, m.Result.Unanswered = map[int]int{503: 1200, 429: 1}, 2, 3
	if got := refusals([]measured{m, m}); got != "429: 2, 503: 2,400, broken: 4, unanswered: 6" {
		t.Error(got)
	}
}

// TestGrowth: what grows by itself is allowed, a leak is not.
func TestGrowth(t *testing.T) {
	for name, c := range map[string]struct {
		early, late float64
		grew        bool
	}{"the same": {100, 100, false}, "a little": {100, 140, false}, "leaks": {100, 160, true}, "shrinks": {100, 3, false}} {
		track := track{allowed: counts}
		for i := range 100 {
			value := c.early
			if i >= 80 {
				value = c.late
			}
			track.values = append(track.values, value)
		}
		if track.grew() != c.grew {
			t.Errorf("%s: grew is %t", name, track.grew())
		}
	}
	if !grows(1000, 7000, 10_000) || grows(1000, 5000, 10_000) {
		t.Error("a spool grows by more than half a second of load, and no less")
	}
	if behind(990, 1000) || !behind(960, 1000) {
		t.Error("behind is three percent, and no less")
	}
}

func TestKillEvery(t *testing.T) {
	for length, want := range map[time.Duration]time.Duration{time.Hour: 4 * time.Minute, 3 * time.Minute: 22500 * time.Millisecond, time.Minute: 20 * time.Second} {
		if got := killEvery(length); got != want {
			t.Errorf("%v: every %v, want %v", length, got, want)
		}
	}
}

// TestOrderOf: of five values no interval of the median but the whole range holds
// it in nine of ten cases; of eight the second to the seventh does.
func TestOrderOf(t *testing.T) {
	for n, want := range map[int]int{5: 0, 6: 0, 7: 0, 8: 1, 10: 1, 12: 2, 20: 5} {
		if got := orderOf(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
}
