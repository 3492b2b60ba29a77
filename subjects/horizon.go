package subjects

import (
	"sync"
	"sync/atomic"

	"zgoda/event"
)

// horizon knows up to which control sequence every change has been raised in the
// fence. Changes are written and raised side by side, so that the highest one
// raised tells nothing of those before it; but one that begins when the highest
// is n gets a sequence above n. So every change is raised up to the lowest such n
// of those under way.
type horizon struct {
	mu       sync.Mutex
	highest  event.Sequence
	next     uint64
	underway map[uint64]event.Sequence // by change: the highest when it began
	reached  atomic.Uint64
}

// newHorizon makes a horizon at the store's sequence.
func newHorizon(at event.Sequence) *horizon {
	h := &horizon{highest: at, underway: map[uint64]event.Sequence{}}
	h.reached.Store(uint64(at))
	return h
}

// begin is called before a change is written.
func (h *horizon) begin() (change uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	h.underway[h.next] = h.highest
	return h.next
}

// end is called once the change is raised, with the sequence that it got.
func (h *horizon) end(change uint64, sequence event.Sequence) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.underway, change)
	h.highest = max(h.highest, sequence)
	least := h.highest
	for _, began := range h.underway {
		least = min(least, began)
	}
	h.reached.Store(uint64(least))
}

// at returns the sequence up to which every change is raised. It never falls.
func (h *horizon) at() event.Sequence { return event.Sequence(h.reached.Load()) }
