package subjects

import (
	"context"
	"sync/atomic"
	"time"

	"zgoda/control"
	"zgoda/event"
)

// watcher tells what changes in a store that other nodes change too.
type watcher interface {
	Watch(ctx context.Context, hear func(control.Heard)) error
}

// hearing is how far a set has heard what other nodes change. A set that has not
// for the time of Trust believes nothing that it keeps in memory, and what it has
// read for a request only for so long.
type hearing struct {
	shared  bool // other nodes change the store too
	trust   time.Duration
	began   time.Time     // what times count from, on the monotonic clock
	since   atomic.Int64  // every change committed before has been raised; 0: none was heard yet
	through atomic.Uint64 // every change up to this sequence has been raised, whoever wrote it
}

func (h *hearing) init(shared bool, trust time.Duration, at event.Sequence) {
	h.shared, h.trust, h.began = shared, trust, time.Now().Add(-time.Hour) // so that no moment is 0
	h.through.Store(uint64(at))
}

// now is a moment in nanoseconds.
func (h *hearing) now() int64 { return int64(time.Since(h.began)) }

// age is how long ago it was that everything had been heard.
func (h *hearing) age() time.Duration {
	if !h.shared {
		return 0
	}
	return time.Duration(h.now() - h.since.Load())
}

// trusted says whether what is kept in memory may be believed.
func (h *hearing) trusted() bool { return !h.shared || h.age() < h.trust }

// holds says whether an entry may be believed apart from the fence: it was read
// just now, or everything has been heard and its handle is no decoy, which
// another node could have made wrong without a word in the store.
func (h *hearing) holds(e *Entry, now int64, trusted bool) bool {
	return e.read != 0 && now-e.read < int64(h.trust) || trusted && e.known
}

// accepts says whether all entries may be believed. Zero ones are passed over.
func (h *hearing) accepts(entries []Entry) bool {
	if !h.shared {
		return true
	}
	trusted, now := h.trusted(), h.now()
	for i := range entries {
		if e := &entries[i]; !e.IsZero() && !h.holds(e, now, trusted) {
			return false
		}
	}
	return true
}

// Run listens to what other nodes change, until ctx ends.
func (s *Set) Run(ctx context.Context) error {
	if !s.hearing.shared {
		<-ctx.Done()
		return nil
	}
	return s.deps.Watcher.Watch(ctx, s.hear)
}

// Away is how long the store has not been heard of, zero for a store of this node
// alone.
func (s *Set) Away() time.Duration { return s.hearing.age() }

// hear makes what others have changed stale, before it notes how far it has heard.
func (s *Set) hear(h control.Heard) {
	s.raise(&h.Change)
	if h.Gap {
		s.metrics.gaps.Inc()
	}
	if !h.At.IsZero() {
		s.metrics.elsewhere.Observe(max(0, time.Since(h.At).Seconds()))
	}
	s.hearing.through.Store(max(s.hearing.through.Load(), uint64(h.Through)))
	if !h.Since.IsZero() {
		s.hearing.since.Store(max(s.hearing.since.Load(), int64(h.Since.Sub(s.hearing.began))))
	}
}
