package subjects

import (
	"context"
	"fmt"
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// loads gathers misses into batches. A miss that finds nothing under way goes at
// once; others wait until a batch is full, the one under way is back, or Wait is
// over. The same identifier is asked for once in a batch.
type loads struct {
	set *Set

	mu     sync.Mutex // guards all below
	open   *batch     // gathering, or nil
	flying int        // batches under way
	closed bool
	work   sync.WaitGroup
}

// batch is some identifiers that are loaded together.
type batch struct {
	keys    []missKey
	asked   []time.Time // by key, when it was first asked for
	index   map[missKey]int
	entries []*Entry // by key, when done is closed
	err     error
	done    chan struct{}
	timer   *time.Timer
}

type missKey struct {
	h1     event.Blinded
	kind   event.IdentifierKind
	mint   bool
	period event.Period
	site   event.SiteID
	policy *consent.Policy
}

// wish is one miss of one caller.
type wish struct {
	out   int
	batch *batch
	slot  int
}

// load waits for all entries of out that are nil.
func (l *loads) load(ctx context.Context, site event.SiteID, now time.Time, ids []Identity, out []*Entry, misses int) error {
	policy, err := l.set.policy(site)
	if err != nil {
		return err
	}
	for i := range ids {
		if ids[i].H1.IsZero() || ids[i].Kind == event.KindUnknown || ids[i].Kind > event.KindCustomerID {
			return ErrIdentity
		}
	}
	wishes := make([]wish, 0, misses)
	if wishes, err = l.join(policy, now, ids, out, wishes); err != nil { //nolint:contextcheck // a batch outlives whoever began it
		return err
	}
	for _, w := range wishes {
		select {
		case <-w.batch.done:
		case <-ctx.Done():
			return fmt.Errorf("load: %w", ctx.Err())
		}
		if w.batch.err != nil {
			return w.batch.err
		}
		out[w.out] = w.batch.entries[w.slot]
	}
	return nil
}

func (l *loads) join(policy *consent.Policy, now time.Time, ids []Identity, out []*Entry, wishes []wish) ([]wish, error) {
	p, _, _ := period(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	for i := range ids {
		if out[i] != nil {
			continue
		}
		if l.open == nil {
			if l.flying >= l.set.cfg.Loads {
				return nil, fmt.Errorf("%w: too many loads under way", ErrKeyholderAway)
			}
			l.begin()
		}
		key := missKey{
			h1: ids[i].H1, kind: ids[i].Kind, mint: ids[i].Mint && ids[i].Kind != event.KindVisitor,
			period: p, site: policy.Site, policy: policy,
		}
		wishes = append(wishes, wish{i, l.open, l.open.add(key, now)})
		if len(l.open.keys) >= l.set.cfg.Batch {
			l.startLocked(l.open)
		}
	}
	if l.open != nil && l.flying == 0 {
		l.startLocked(l.open)
	}
	return wishes, nil
}

// begin opens a batch. The caller holds the lock.
func (l *loads) begin() {
	b := &batch{index: make(map[missKey]int), done: make(chan struct{})}
	b.timer = time.AfterFunc(l.set.cfg.Wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open == b {
			l.startLocked(b)
		}
	})
	l.open = b
}

func (b *batch) add(key missKey, now time.Time) int {
	if slot, ok := b.index[key]; ok {
		return slot
	}
	b.keys, b.asked = append(b.keys, key), append(b.asked, now)
	b.index[key] = len(b.keys) - 1
	return len(b.keys) - 1
}

// startLocked sends the open batch off.
func (l *loads) startLocked(b *batch) {
	b.timer.Stop()
	l.open = nil
	l.flying++
	l.work.Go(func() { l.fly(b) })
}

func (l *loads) fly(b *batch) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), l.set.cfg.Timeout)
	b.entries, b.err = l.set.fetch(ctx, b.keys, b.asked)
	cancel()
	l.set.metrics.load.Observe(time.Since(began).Seconds())
	close(b.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying--
	if l.open != nil && l.flying == 0 {
		l.startLocked(l.open)
	}
}

// stop refuses new loads and waits for those under way.
func (l *loads) stop() {
	l.mu.Lock()
	l.closed = true
	if l.open != nil {
		l.startLocked(l.open)
	}
	l.mu.Unlock()
	l.work.Wait()
}

// fetch asks the keyholder, then the control store, once each.
func (s *Set) fetch(ctx context.Context, keys []missKey, asked []time.Time) ([]*Entry, error) {
	entries := make([]*Entry, len(keys))
	queries := make([]pseudonym.Query, len(keys))
	for i := range keys {
		k := &keys[i]
		queries[i] = pseudonym.Query{H1: k.h1, Kind: k.kind, Mint: k.mint, Period: k.period}
		entries[i] = k.entry(asked[i], s.cfg.TTL)
		entries[i].made = s.fence.madeCount(&k.h1) // before the keyholder is asked
	}
	handles, err := s.deps.Resolver.Resolve(ctx, queries)
	for i := range keys {
		if keys[i].mint { // a contact may be there now, whatever was answered
			s.fence.minted(&keys[i].h1)
		}
	}
	if err == nil && len(handles) != len(queries) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		s.metrics.failures.WithLabelValues("keyholder").Inc()
		return nil, fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	lookups := make([]control.Lookup, len(keys))
	for i := range keys {
		if handles[i].Consent.IsZero() {
			return nil, fmt.Errorf("%w: %w", ErrKeyholderAway, pseudonym.ErrAnswer)
		}
		lookups[i] = control.Lookup{Policy: keys[i].policy, Handle: handles[i].Consent}
	}
	found := make([]control.Found, len(keys))
	if _, err := s.deps.Store.Records(ctx, lookups, found); err != nil {
		s.metrics.failures.WithLabelValues("control").Inc()
		return nil, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	for i, e := range entries {
		e.Handles, e.Record, e.Contacts = handles[i], found[i].Record, found[i].Contacts
		s.cache.Set(cacheKey(&e.h1), e, 1)
	}
	return entries, nil
}

// entry begins the entry of a key: whose it is and how long it lives.
func (k *missKey) entry(at time.Time, ttl time.Duration) *Entry {
	_, from, until := period(at)
	if end := at.Add(ttl); end.Before(until) {
		until = end
	}
	return &Entry{
		site: k.site, kind: k.kind, h1: k.h1, known: k.mint || k.kind == event.KindVisitor,
		from: from.UnixNano(), until: until.UnixNano(),
	}
}
