package subjects

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// smallLoad is how many misses a load of one event, of a choice or of an
// operator has at most.
const smallLoad = 16

// loads loads misses, in two lanes with places of their own: whoever asks for
// many identifiers at once waits for others who do, and for nobody else.
type loads struct {
	small, large lane
}

func newLoads(s *Set) *loads {
	large := max(1, s.cfg.Loads/4)
	l := &loads{}
	l.small.init(s, s.cfg.Loads-large)
	l.large.init(s, large)
	return l
}

// batch is some identifiers that are loaded together.
type batch struct {
	keys    []missKey
	asked   []time.Time // by key, when it was first asked for
	index   map[missKey]int
	entries []Entry // by key, when done is closed
	err     error
	done    chan struct{}
	room    int64 // what its callers took of the lane's room
}

type missKey struct {
	h1     event.Blinded
	kind   event.IdentifierKind
	mint   bool
	period event.Period
	site   event.SiteID
	policy *consent.Policy
	old    event.Blinded
	gate   uint32
}

// wish is one miss of one caller.
type wish struct {
	out   int
	batch *batch
	slot  int
}

// load waits for all entries of out that are zero. Of many, it asks for Batch at
// a time: two batches under way at most, and one Timeout of waiting for room.
func (l *loads) load(ctx context.Context, site event.SiteID, now time.Time, ids []Identity, out []Entry, misses int) error {
	lane := &l.small
	if misses > smallLoad {
		lane = &l.large
	}
	cfg := &lane.set.cfg
	policy, err := lane.set.policy(site)
	if err != nil {
		return err
	}
	for i := range ids {
		if ids[i].H1.IsZero() || ids[i].Kind == event.KindUnknown || ids[i].Kind > event.KindCustomerID {
			return ErrIdentity
		}
	}
	until := time.Now().Add(cfg.Timeout)
	wishes := make([]wish, 0, min(misses, cfg.Batch))
	for i := 0; i < len(ids); {
		wishes = wishes[:0]
		for ; i < len(ids) && len(wishes) < cfg.Batch; i++ {
			if out[i].IsZero() {
				wishes = append(wishes, wish{out: i})
			}
		}
		if err := lane.take(ctx, until, policy, now, ids, out, wishes); err != nil {
			return err
		}
	}
	return nil
}

// init makes a lane with places for some batches.
func (l *lane) init(s *Set, places int) {
	l.set, l.places = s, places
	l.room = semaphore.NewWeighted(int64(places) * int64(s.cfg.Batch))
}

// take waits for the entries of some misses, Batch of them at most.
func (l *lane) take(ctx context.Context, until time.Time, policy *consent.Policy, now time.Time, ids []Identity, out []Entry, wishes []wish) error {
	if err := l.enter(ctx, until, int64(len(wishes))); err != nil {
		return err
	}
	if err := l.join(policy, now, ids, wishes); err != nil { //nolint:contextcheck // a batch outlives whoever began it
		l.room.Release(int64(len(wishes)))
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

// enter waits for room, in turn. The batches give it back, whether their callers
// have gone or not: what waits and what is under way is bounded by it.
func (l *lane) enter(ctx context.Context, until time.Time, n int64) error {
	if l.room.TryAcquire(n) {
		return nil
	}
	wait, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	switch err := l.room.Acquire(wait, n); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("load: %w", ctx.Err())
	default:
		l.set.metrics.failures.WithLabelValues("room").Inc()
		return fmt.Errorf("%w: too many loads under way", ErrKeyholderAway)
	}
}

// lane gathers misses into batches. A miss that is the first for some time goes
// at once; those after it wait until a batch is full or Wait is over since the
// last one went, so that however many there are, batches that are not full go
// once in Wait at most. The same identifier is asked for once in a batch.
type lane struct {
	set    *Set
	places int                 // batches that may be under way
	room   *semaphore.Weighted // identifiers of all its batches

	mu     sync.Mutex  // guards all below
	open   *batch      // gathering, or nil
	full   []*batch    // wait for a place
	flying int         // batches under way
	went   time.Time   // when the last batch went
	timer  *time.Timer // wakes the lane when Wait is over; made with the first wait
	armed  bool
	closed bool
	work   sync.WaitGroup
}

// join adds the misses to batches.
func (l *lane) join(policy *consent.Policy, now time.Time, ids []Identity, wishes []wish) error {
	p, _, _ := period(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	for i := range wishes {
		id := &ids[wishes[i].out]
		if l.open == nil {
			l.open = &batch{index: make(map[missKey]int, len(wishes)), done: make(chan struct{})}
		}
		wishes[i].batch, wishes[i].slot = l.open, l.open.add(missKey{
			h1: id.H1, kind: id.Kind, mint: id.Mint && id.Kind != event.KindVisitor,
			period: p, site: policy.Site, policy: policy, old: id.Old, gate: id.Gate,
		}, now)
		if len(l.open.keys) >= l.set.cfg.Batch {
			l.full, l.open = append(l.full, l.open), nil
		}
	}
	l.startLocked()
	return nil
}

func (b *batch) add(key missKey, now time.Time) int {
	b.room++
	if slot, ok := b.index[key]; ok {
		return slot
	}
	b.keys, b.asked = append(b.keys, key), append(b.asked, now)
	b.index[key] = len(b.keys) - 1
	return len(b.keys) - 1
}

// startLocked sends off what may go: the full batches in turn, then the open one
// if its time has come.
func (l *lane) startLocked() {
	for l.flying < l.places {
		var b *batch
		switch {
		case len(l.full) > 0:
			b, l.full = l.full[0], l.full[1:]
		case l.open != nil && l.dueLocked():
			b, l.open = l.open, nil
		default:
			return
		}
		l.went = time.Now()
		l.flying++
		l.work.Go(func() { l.fly(b) })
	}
}

// dueLocked says whether the open batch may go now, and if not, sees to it that
// the lane looks again when it may.
func (l *lane) dueLocked() bool {
	left := l.set.cfg.Wait - time.Since(l.went)
	switch {
	case left <= 0 || l.closed:
		return true
	case l.armed:
	case l.timer == nil:
		l.timer, l.armed = time.AfterFunc(left, l.wake), true
	default:
		l.timer.Reset(left)
		l.armed = true
	}
	return false
}

func (l *lane) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	l.startLocked()
}

// fly loads a batch, and lets its callers go.
func (l *lane) fly(b *batch) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), l.set.cfg.Timeout)
	b.entries, b.err = l.set.fetch(ctx, b.keys, b.asked)
	cancel()
	l.set.metrics.load.Observe(time.Since(began).Seconds())
	l.set.metrics.loaded.Add(float64(len(b.keys)))
	close(b.done)
	l.room.Release(b.room)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying--
	l.startLocked()
}

// waiting is how many misses wait for a place, or for their batch to fill.
func (l *lane) waiting() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.full {
		n += len(b.keys)
	}
	if l.open != nil {
		n += len(l.open.keys)
	}
	return n
}

// stop refuses new loads and waits for those that were asked for.
func (l *loads) stop() {
	for _, lane := range []*lane{&l.small, &l.large} {
		lane.mu.Lock()
		lane.closed = true
		lane.startLocked()
		if lane.timer != nil {
			lane.timer.Stop()
		}
		lane.mu.Unlock()
	}
	l.small.work.Wait()
	l.large.work.Wait()
}

// fetch asks the keyholder, then the control store, once each.
func (s *Set) fetch(ctx context.Context, keys []missKey, asked []time.Time) ([]Entry, error) {
	began := s.hearing.now()
	cells := make([]cell, len(keys))
	queries := make([]pseudonym.Query, len(keys))
	for i := range keys {
		k := &keys[i]
		queries[i] = pseudonym.Query{H1: k.h1, Kind: k.kind, Mint: k.mint, Period: k.period, Old: k.old, Gate: k.gate}
		cells[i] = k.cell(s.sites.number(k.site), asked[i], s.cfg.TTL)
		cells[i].made = s.fence.madeCount(&k.h1) // before the keyholder is asked
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
		if handles[i].Consent.IsZero() || !cells[i].setHandles(&handles[i]) {
			return nil, fmt.Errorf("%w: %w", ErrKeyholderAway, pseudonym.ErrAnswer)
		}
		lookups[i] = control.Lookup{Policy: keys[i].policy, Handle: handles[i].Consent}
	}
	found := make([]control.Found, len(keys))
	if _, err := s.deps.Store.Records(ctx, lookups, found); err != nil {
		s.metrics.failures.WithLabelValues("control").Inc()
		return nil, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	entries := s.keep(cells, found, s.calendar.momentOf(time.Now()))
	for i := range entries {
		entries[i].read = began
	}
	return entries, nil
}

// keep puts what was loaded into the table, and returns it.
func (s *Set) keep(cells []cell, found []control.Found, now moment) []Entry {
	entries := make([]Entry, len(cells))
	for i := range cells {
		c := &cells[i]
		c.sequence = found[i].Record.Sequence
		number, held := s.table.held.of(&found[i])
		c.held = number
		c.open(held, &entries[i])
		s.table.put(c, now)
	}
	return entries
}
