package subjects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// resolver is the keyholder.
type resolver interface {
	Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error)
	Link(ctx context.Context, request pseudonym.LinkRequest) (pseudonym.LinkAnswer, error)
}

// store is the control store.
type store interface {
	Records(ctx context.Context, lookups []control.Lookup, out []control.Found) (event.Sequence, error)
	Append(ctx context.Context, entries ...ledger.Entry) (control.Change, error)
	Sequence() event.Sequence
}

// Set is the cached consent set. It is safe for concurrent use.
type Set struct {
	cfg      Config
	deps     Deps
	table    table
	fence    *fence
	horizon  *horizon
	hearing  hearing
	sites    siteNumbers
	calendar calendar
	loads    *loads
	metrics  *metrics
	outage   outage
	close    sync.Once
}

// New makes a set. Its fence begins at the store's sequence.
func New(cfg Config, deps Deps) (*Set, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg, deps: deps}
	// An entry may be used for as long as its request lasts after it has expired.
	now := deps.Store.Sequence()
	s.fence, s.horizon = newFence(cfg.Fence, cfg.TTL+time.Minute, now), newHorizon(now)
	s.hearing.init(deps.Watcher != nil, cfg.Trust, now)
	s.metrics = newMetrics()
	s.table.init(cfg.Entries, s.metrics.evictions)
	s.loads = newLoads(s)
	if err := s.metrics.register(deps.Registerer, s); err != nil {
		return nil, fmt.Errorf("register the metrics of the consent set: %w", err)
	}
	return s, nil
}

// EntryBytes is about what one entry takes with its place in the table.
const EntryBytes = 128

// AsOf returns a control sequence: whoever Accept takes for fresh after this call
// was decided about by every change up to it, however long ago they were loaded.
//
// In a store that is shared it is what has been heard in its order, this node's
// own changes too; else what this node has raised.
func (s *Set) AsOf() event.Sequence {
	if s.hearing.shared {
		return event.Sequence(s.hearing.through.Load())
	}
	return s.horizon.at()
}

// Len returns how many identifiers are in memory.
func (s *Set) Len() int64 { return s.table.used.Load() }

// Close waits for the loads under way and gives the memory back. Twice is fine.
func (s *Set) Close() error {
	s.close.Do(func() {
		s.loads.stop()
		s.table.clear()
	})
	return nil
}

// Load answers for every identity, into out, which it writes over. Hits allocate
// nothing and wait for no one; misses wait for their own batch. It fails with
// ErrKeyholderAway or ErrControlAway when a miss cannot be loaded, and leaves the
// zero Entry in its place.
func (s *Set) Load(ctx context.Context, site event.SiteID, now time.Time, ids []Identity, out []Entry) error {
	if len(out) < len(ids) {
		return fmt.Errorf("load: %d identities into %d places", len(ids), len(out))
	}
	number, at := s.sites.find(site), s.calendar.momentOf(now)
	misses, trusted := 0, s.hearing.trusted()
	for i := range ids {
		if !trusted || !s.peek(number, at, &ids[i], &out[i]) {
			out[i] = Entry{}
			misses++
		}
	}
	s.metrics.hits.Add(float64(len(ids) - misses))
	if misses == 0 {
		return nil
	}
	s.metrics.misses.Add(float64(misses))
	return s.loads.load(ctx, site, now, ids, out, misses)
}

// peek copies the cached entry out, or the zero Entry when there is none that may
// be used.
func (s *Set) peek(site siteNumber, at moment, id *Identity, out *Entry) bool {
	if s.table.get(site, at, id, out) && s.fence.fresh(out) && (out.known || !s.hearing.shared) {
		return true
	}
	*out = Entry{}
	return false
}

// Accept runs put unless one of the entries is older than a change of its
// person: then ErrStale, and the caller loads and decides again. A change that
// comes meanwhile is answered only after put has returned, so put must neither
// wait nor call the set. Zero entries are passed over.
func (s *Set) Accept(entries []Entry, put func() error) error {
	err := ErrStale
	if s.hearing.accepts(entries) {
		err = s.fence.accept(entries, put)
	}
	if errors.Is(err, ErrStale) {
		s.metrics.stale.Inc()
	}
	return err
}

// policy returns the policy of a site, or ErrSite.
func (s *Set) policy(site event.SiteID) (*consent.Policy, error) {
	if p := s.deps.Policies(site); p != nil {
		return p, nil
	}
	return nil, ErrSite
}
