package keyring

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/event"
)

// near is how far from a month's boundary the neighbouring month is still
// answered for, since a gateway's clock may be on the other side of it.
const near = 24 * time.Hour

// Epoch is a span of time through which the same keys are in force: a month
// without its first and its last day, or one of those two days, on which the
// neighbouring month's analytics key is in force too. It also ends when a key
// is rotated.
type Epoch struct {
	from, until time.Time
	periods     []event.Period // the current one first

	link               []version // the chain, in the order it is applied
	carrying           bool      // contacts may still be found by the chain without its last link
	decoy              version
	consent, profiling version
	visitor, lasting   version // a visitor's: of the year, and of consent
	visitorProfiling   version // what a visitor's year goes with
	purposes           []version
	analytics          []version

	derivers sync.Pool
	users    atomic.Int64          // derivers that are out
	next     atomic.Pointer[Epoch] // set: this one has ended
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

// drainPoll is how often an ended epoch's users are counted again. Only a
// rotation waits for them.
const drainPoll = time.Millisecond

// idle waits for those who are still computing under an epoch that has ended.
func (e *Epoch) idle(ctx context.Context) error {
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for e.users.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for calls under the keys before: %w", context.Cause(ctx))
		}
	}
	return nil
}

const (
	visitorPrefix   = "visitor-"
	analyticsPrefix = "analytics-"
	tombPrefix      = "tomb-"
)

func isVisitor(name string) bool { return strings.HasPrefix(name, visitorPrefix) }

func visitorName(year int) string { return fmt.Sprintf("%s%04d", visitorPrefix, year) }

func analyticsName(period event.Period) string {
	return fmt.Sprintf("%s%06d", analyticsPrefix, period)
}

func tombName(day time.Time) string { return tombPrefix + day.UTC().Format("20060102") }

// visitorLives says whether the visitor key of a year is still kept: through the
// first day after it, in case the clock is set back over the turn.
func visitorLives(year int, now time.Time) bool {
	return year >= now.Add(-near).Year()
}
