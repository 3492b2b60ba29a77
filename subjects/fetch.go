package subjects

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// took are the histograms of a lane: how long its batches gathered, the keyholder
// and the store took for them, and how long requests waited for all of it.
type took struct{ gather, keyholder, store, whole prometheus.Observer }

func (m *metrics) took(lane string) took {
	return took{
		gather: m.parts.WithLabelValues(lane, "gather"), keyholder: m.parts.WithLabelValues(lane, "keyholder"),
		store: m.parts.WithLabelValues(lane, "store"), whole: m.waited.WithLabelValues(lane),
	}
}

// since observes the time since begin and returns now.
func since(begin time.Time, of prometheus.Observer) time.Time {
	now := time.Now()
	of.Observe(now.Sub(begin).Seconds())
	return now
}

// fetch asks the keyholder, then the control store, once each: the store is asked
// by the handles that the keyholder answers.
func (s *Set) fetch(ctx context.Context, took *took, keys []missKey, asked []time.Time) ([]Entry, error) {
	began := s.hearing.now()
	cells := make([]cell, len(keys))
	queries := make([]pseudonym.Query, len(keys))
	for i := range keys {
		k := &keys[i]
		queries[i] = pseudonym.Query{H1: k.h1, Kind: k.kind, Mint: k.mint, Period: k.period, Old: k.old, Gate: k.gate}
		cells[i] = k.cell(s.sites.number(k.site), asked[i], s.cfg.TTL)
		cells[i].made = s.fence.madeCount(&k.h1) // before the keyholder is asked
	}
	clock := time.Now()
	handles, err := s.deps.Resolver.Resolve(ctx, queries)
	clock = since(clock, took.keyholder)
	for i := range keys {
		if keys[i].mint { // a contact may be there now, whatever was answered
			s.fence.minted(&keys[i].h1)
		}
	}
	if err == nil && len(handles) != len(queries) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		s.metrics.failures[failedKeyholder].Inc()
		return nil, fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	lookups := make([]control.Lookup, len(keys))
	for i := range keys {
		if handles[i].Consent.IsZero() || !cells[i].setHandles(&handles[i]) {
			return nil, fmt.Errorf("%w: %w", ErrKeyholderAway, pseudonym.ErrAnswer)
		}
		lookups[i] = control.Lookup{Policy: keys[i].policy, Handle: handles[i].Consent}
	}
	found := make([]control.Found, len(keys))
	_, err = s.deps.Store.Records(ctx, lookups, found)
	since(clock, took.store)
	s.outage.tell(err, s.hearing.now())
	if err != nil {
		s.metrics.failures[failedControl].Inc()
		return nil, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	entries := s.keep(cells, handles, found, s.calendar.momentOf(time.Now()))
	for i := range entries {
		entries[i].read = began
	}
	return entries, nil
}

// erasedTTL is for how long somebody is believed to be erased: once the keyholder has
// forgotten them, the same identifier is a new contact's.
const erasedTTL = 2 * time.Second

// soon ends a cell's time soon.
func (c *cell) soon(now moment) {
	if c.month == now.month {
		c.until = min(c.until, uint32((now.into+int64(erasedTTL))/int64(time.Millisecond)))
	}
}

// keep puts what was loaded into the table, and returns it.
func (s *Set) keep(cells []cell, handles []event.Handles, found []control.Found, now moment) []Entry {
	entries := make([]Entry, len(cells))
	for i := range cells {
		c := &cells[i]
		c.sequence = found[i].Record.Sequence
		if found[i].Record.State == consent.StateErased {
			c.soon(now)
		}
		number, held := s.table.held.of(&found[i], handles[i].Erased)
		c.held = number
		c.open(held, &entries[i])
		s.table.put(c, now)
	}
	return entries
}
