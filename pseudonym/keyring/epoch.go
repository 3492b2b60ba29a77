package keyring

import (
	"slices"
	"sync"
	"time"

	"zgoda/event"
)

// near is how far from a month's boundary the neighbouring month is still
// answered for, since a gateway's clock may be on the other side of it.
const near = 24 * time.Hour

// Epoch is a span of time through which the same keys are in force: a month
// without its first and its last day, or one of those two days, on which the
// neighbouring month's analytics key is in force too.
type Epoch struct {
	from, until time.Time
	periods     []event.Period // the current one first

	link, decoy        version
	consent, profiling version
	visitor, lasting   version // a visitor's: of the year, and of consent
	analytics          []version

	derivers sync.Pool
}

// newEpoch returns the span that now is in, without keys.
func newEpoch(now time.Time) *Epoch {
	start := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 1, 0)
	current := periodOf(now)
	switch {
	case now.Before(start.Add(near)):
		return &Epoch{from: start, until: start.Add(near), periods: []event.Period{current, periodOf(start.Add(-1))}}
	case now.Before(end.Add(-near)):
		return &Epoch{from: start.Add(near), until: end.Add(-near), periods: []event.Period{current}}
	default:
		return &Epoch{from: end.Add(-near), until: end, periods: []event.Period{current, periodOf(end)}}
	}
}

func periodOf(t time.Time) event.Period { return event.Period(t.Year()*100 + int(t.Month())) }

func (e *Epoch) covers(now time.Time) bool { return !now.Before(e.from) && now.Before(e.until) }

// place returns the index of the asked period, or of the current one if the asked
// one is not in force.
func (e *Epoch) place(asked event.Period) int {
	return max(0, slices.Index(e.periods, asked))
}
