package writer

import (
	"hash/maphash"
	"time"

	"zgoda/event"
)

// id stands for a site and a message id: 128 bits of keyed hash, so that nobody
// can make two collide and chance will not.
type id [2]uint64

// turn counts the ranges that a process works on. Zero is what earlier ones stored.
type turn uint32

// seen remembers ids, each with the range that brought it, in two generations:
// the older one is let go when the younger is full or old enough, so memory is
// bounded and no timer is needed.
type seen struct {
	seeds      [2]maphash.Seed
	young, old map[id]turn
	since      time.Time
	window     time.Duration
	half       int
}

func newSeen(window time.Duration, limit int, now time.Time) *seen {
	return &seen{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		young: map[id]turn{}, old: map[id]turn{},
		since: now, window: window, half: max(1, limit/2),
	}
}

// id hashes a site and a message id. A site id never holds a NUL.
func (s *seen) id(site event.SiteID, messageID string) (out id) {
	for i, seed := range s.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(string(site))
		_ = h.WriteByte(0)
		_, _ = h.WriteString(messageID)
		out[i] = h.Sum64()
	}
	return out
}

// add remembers an id and says whether it is new, else which range brought it.
func (s *seen) add(k id, by turn, now time.Time) (first turn, fresh bool) {
	if first, ok := s.young[k]; ok {
		return first, false
	}
	if first, ok := s.old[k]; ok {
		return first, false
	}
	if len(s.young) >= s.half || now.Sub(s.since) >= s.window {
		s.old, s.young, s.since = s.young, make(map[id]turn, len(s.young)), now
	}
	s.young[k] = by
	return by, true
}

// has says whether an id is remembered.
func (s *seen) has(k id) bool {
	_, young := s.young[k]
	_, old := s.old[k]
	return young || old
}

// forget lets an id go whose row was not stored.
func (s *seen) forget(k id) {
	delete(s.young, k)
	delete(s.old, k)
}

// size returns how many ids are remembered.
func (s *seen) size() int { return len(s.young) + len(s.old) }
