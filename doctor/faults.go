package doctor

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Events come and go while they are counted: what seems to be nowhere is so when it is
// at each of so many looks.
const (
	looks     = 3
	lookAgain = 200 * time.Millisecond
)

// faults are those of the program itself: handling that panicked, and events that are
// in no place, or have two fates.
func (s *system) faults(ctx context.Context, m *Metrics) (list []Finding) {
	panicked := func(what, why string) {
		list = append(list, Finding{Level: Warning, What: what, Why: why, Do: "report the stack that is in the log", Runbook: "ZgodaPanics"})
	}
	if n, bad := m.above("zgoda_gateway_panics_total", 0); bad {
		panicked(fmt.Sprintf("%.0f requests failed by a fault of the program", n), "each was answered with an error")
	}
	if k, err := s.keyholderMetrics(ctx); err == nil { // that it cannot be asked is told elsewhere
		if n, bad := k.above("zgoda_keyholder_panics_total", 0); bad {
			panicked(fmt.Sprintf("%.0f calls of the keyholder failed by a fault of the program", n), "what they were about waited, or was refused")
		}
	}
	if n := s.unaccounted(ctx, m); n != 0 {
		what := fmt.Sprintf("%.0f events were taken, have no fate and are nowhere", n)
		if n < 0 {
			what = fmt.Sprintf("%.0f events in the spool have a fate already", -n)
		}
		list = append(list, Finding{
			Level: Problem, What: what, Why: "events may be lost, or counted twice: nobody can say which",
			Do: "keep the metrics and the log before anything is restarted", Runbook: "ZgodaEventsUnaccounted",
		})
	}
	return list
}

// unaccounted is what m says, or less when a further look does; 0: all are accounted for.
func (s *system) unaccounted(ctx context.Context, m *Metrics) float64 {
	least := m.unaccounted()
	for range looks - 1 {
		if least == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(lookAgain):
		}
		at, err := s.at()
		if err != nil {
			return 0
		}
		again, err := Scrape(ctx, at)
		if err != nil {
			return 0
		}
		n := again.unaccounted()
		if n*least <= 0 {
			return 0
		}
		if math.Abs(n) < math.Abs(least) {
			least = n
		}
	}
	return least
}

// unaccounted is how many events of those in flight are in none of the places where they
// can be; negative: how many more are in the spool than in flight.
func (m *Metrics) unaccounted() float64 {
	of := func(name string) float64 { v, _ := m.value(name); return v }
	flight, spool := of("zgoda_events_in_flight"), of("zgoda_spool_waiting_records")
	if flight < spool {
		return flight - spool
	}
	return max(0, flight-spool-of("zgoda_events_in_hand")-of("zgoda_later_waiting_records"))
}
