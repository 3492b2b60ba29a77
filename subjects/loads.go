package subjects

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"zgoda/consent"
	"zgoda/event"
)

// smallLoad is how many misses a load of one event, of a choice or of an
// operator has at most.
const smallLoad = 16

// loads loads misses, in three lanes with places of their own. Whoever asks for
// many identifiers at once waits for others who do; whoever may make a contact,
// for which the keyholder's disk is waited for, for others who may; and nobody
// else for either.
type loads struct {
	small, made, large lane
}

func newLoads(s *Set) *loads {
	quarter := max(1, s.cfg.Loads/4)
	l := &loads{}
	l.small.init(s, "small", s.cfg.Loads-2*quarter)
	l.made.init(s, "made", quarter)
	l.large.init(s, "large", quarter)
	return l
}

func (l *loads) lanes() []*lane { return []*lane{&l.small, &l.made, &l.large} }

// laneOf returns the lane of a load: that of the slowest of its misses.
func (l *loads) laneOf(ids []Identity, out []Entry, misses int) *lane {
	if misses > smallLoad {
		return &l.large
	}
	for i := range ids {
		if ids[i].Mint && out[i].IsZero() {
			return &l.made
		}
	}
	return &l.small
}

// batch is some identifiers that are loaded together.
type batch struct {
	keys    []missKey
	asked   []time.Time // by key, when it was first asked for
	index   map[missKey]int
	entries []Entry // by key, when done is closed
	err     error
	done    chan struct{}
	room    int64     // what its callers took of the lane's room
	opened  time.Time // when its first identifier came
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
	lane := l.laneOf(ids, out, misses)
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
	began := time.Now()
	until := began.Add(cfg.Timeout)
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
	since(began, lane.took.whole)
	return nil
}

// init makes a lane with places for some batches.
func (l *lane) init(s *Set, name string, places int) {
	l.set, l.places, l.took = s, places, s.metrics.took(name)
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
		l.set.metrics.failures[failedRoom].Inc()
		return fmt.Errorf("%w: too many loads under way", ErrKeyholderAway)
	}
}

// lane gathers misses into batches. A miss goes at once when none is on its way.
// Those that come meanwhile gather until that one is back, Wait is over since it
// went, or a batch is full. While many come, so that more than few of them gathered
// for the last batch, the next one gathers for the whole of Wait. The same
// identifier is asked for once in a batch.
type lane struct {
	set    *Set
	places int                 // batches that may be under way
	room   *semaphore.Weighted // identifiers of all its batches
	took   took

	mu     sync.Mutex  // guards all below
	open   *batch      // gathering, or nil
	full   []*batch    // wait for a place
	flying int         // batches under way
	went   time.Time   // when the last batch went
	many   bool        // it had more than few identifiers
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
			l.open = &batch{index: make(map[missKey]int, len(wishes)), done: make(chan struct{}), opened: time.Now()}
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
		l.went, l.many = time.Now(), len(b.keys) > few
		l.flying++
		l.work.Go(func() { l.fly(b) })
	}
}

// few is how many identifiers a batch may have for the next one to be sent as soon
// as it is back: with more of them, what a batch costs is worth sharing.
const few = 8

// dueLocked says whether the open batch may go now, and if not, sees to it that
// the lane looks again when it may.
func (l *lane) dueLocked() bool {
	left := l.set.cfg.Wait - time.Since(l.went)
	switch {
	case left <= 0, l.closed, l.flying == 0 && !l.many:
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
	began := since(b.opened, l.took.gather)
	ctx, cancel := context.WithTimeout(context.Background(), l.set.cfg.Timeout)
	b.entries, b.err = l.set.fetch(ctx, &l.took, b.keys, b.asked)
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

// waiting is how many misses wait in all lanes.
func (l *loads) waiting() (n int) {
	for _, lane := range l.lanes() {
		n += lane.waiting()
	}
	return n
}

// stop refuses new loads and waits for those that were asked for.
func (l *loads) stop() {
	for _, lane := range l.lanes() {
		lane.mu.Lock()
		lane.closed = true
		lane.startLocked()
		if lane.timer != nil {
			lane.timer.Stop()
		}
		lane.mu.Unlock()
	}
	for _, lane := range l.lanes() {
		lane.work.Wait()
	}
}
