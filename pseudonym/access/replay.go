package access

import (
	"sync"
	"time"
)

// Window is how old a request may be, and how much its clock may be ahead.
const Window = 2 * time.Minute

// maxSeen bounds the memory of requests. Nobody makes so many in four minutes by
// hand; when it is full, requests are refused.
const maxSeen = 1 << 16

// Replay refuses requests that are old or were seen before. Those from before
// its own start are refused too: what was seen then is not known any more.
type Replay struct {
	now     func() time.Time
	started time.Time

	mu   sync.Mutex
	seen map[[16]byte]time.Time // until when it is kept
	old  []entry                // in the order of their ends
}

type entry struct {
	id    [16]byte
	until time.Time
}

// NewReplay makes a guard.
func NewReplay(now func() time.Time) *Replay {
	return &Replay{now: now, started: now().Truncate(time.Millisecond), seen: make(map[[16]byte]time.Time)}
}

// Fresh says whether a request is new, and remembers it.
func (r *Replay) Fresh(id [16]byte, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for len(r.old) > 0 && !r.old[0].until.After(now) {
		delete(r.seen, r.old[0].id)
		r.old = r.old[1:]
	}
	if at.Before(now.Add(-Window)) || at.After(now.Add(Window)) || at.Before(r.started) {
		return false
	}
	if _, again := r.seen[id]; again || len(r.old) >= maxSeen {
		return false
	}
	until := now.Add(2*Window + time.Millisecond)
	r.seen[id] = until
	r.old = append(r.old, entry{id, until})
	return true
}
