package subjects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"

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
	cfg     Config
	deps    Deps
	cache   *ristretto.Cache[uint64, *Entry]
	fence   *fence
	horizon *horizon
	sites   siteNumbers
	held    heldTable
	loads   *loads
	metrics *metrics
	close   sync.Once
}

// New makes a set. Its fence begins at the store's sequence. The cache's own
// goroutine starts here and ends with Close.
func New(cfg Config, deps Deps) (*Set, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg, deps: deps}
	// An entry may be used for as long as its request lasts after it has expired.
	now := deps.Store.Sequence()
	s.fence, s.horizon = newFence(cfg.Fence, cfg.TTL+time.Minute, now), newHorizon(now)
	var err error
	s.metrics = newMetrics()
	s.cache, err = ristretto.NewCache(&ristretto.Config[uint64, *Entry]{
		NumCounters: countersPerEntry * cfg.Entries, MaxCost: cfg.Entries, BufferItems: bufferItems, IgnoreInternalCost: true,
		OnEvict:  func(*ristretto.Item[*Entry]) { s.metrics.evictions.Inc() },
		OnReject: func(*ristretto.Item[*Entry]) { s.metrics.rejections.Inc() },
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of the consent set: %w", err)
	}
	s.loads = newLoads(s)
	if err := s.metrics.register(deps.Registerer, s); err != nil {
		s.cache.Close()
		return nil, fmt.Errorf("register the metrics of the consent set: %w", err)
	}
	return s, nil
}

// What the cache keeps beside the entries (docs/decisions/0022): counters of how
// often each identifier is asked for, and how many reads it gathers before it
// counts them.
const (
	countersPerEntry = 4
	bufferItems      = 512
)

// EntryBytes is about what one entry takes with its place in the cache.
const EntryBytes = 320

// AsOf returns a control sequence: whoever Accept takes for fresh after this call
// was decided about by every change up to it, however long ago they were loaded.
func (s *Set) AsOf() event.Sequence { return s.horizon.at() }

// Len returns how many identifiers are in memory.
func (s *Set) Len() int64 { return s.cfg.Entries - s.cache.RemainingCost() }

// Close waits for the loads under way and gives the memory back. Twice is fine.
func (s *Set) Close() error {
	s.close.Do(func() {
		s.loads.stop()
		s.cache.Close()
	})
	return nil
}

// Load answers for every identity, into out. Hits allocate nothing and wait for
// no one; misses wait for their own batch. It fails with ErrKeyholderAway or
// ErrControlAway when a miss cannot be loaded.
func (s *Set) Load(ctx context.Context, site event.SiteID, now time.Time, ids []Identity, out []*Entry) error {
	if len(out) < len(ids) {
		return fmt.Errorf("load: %d identities into %d places", len(ids), len(out))
	}
	number, nanos := s.sites.find(site), now.UnixNano()
	misses := 0
	for i := range ids {
		if out[i] = s.peek(number, nanos, &ids[i]); out[i] == nil {
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

// peek returns the cached entry, or nil.
func (s *Set) peek(site siteNumber, nanos int64, id *Identity) *Entry {
	e, ok := s.cache.Get(cacheKey(&id.H1))
	if !ok || e == nil || !e.is(site, nanos, id) || !s.fence.fresh(e) {
		return nil
	}
	return e
}

// Accept runs put unless one of the entries is older than a change of its
// person: then ErrStale, and the caller loads and decides again. A change that
// comes meanwhile is answered only after put has returned, so put must neither
// wait nor call the set. Nil entries are passed over.
func (s *Set) Accept(entries []*Entry, put func() error) error {
	err := s.fence.accept(entries, put)
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
