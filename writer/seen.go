package writer

import (
	"hash/maphash"
	"time"

	"zgoda/event"
)

// id stands for a site and a message id: 128 bits of keyed hash, so that nobody
// can make two collide and chance will not.
type id [2]uint64

// seen remembers ids in two generations: the older one is let go when the younger
// is full or old enough, so memory is bounded and no timer is needed.
type seen struct {
	seeds      [2]maphash.Seed
	young, old map[id]struct{}
	since      time.Time
	window     time.Duration
	half       int
}

func newSeen(window time.Duration, limit int, now time.Time) *seen {
	return &seen{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		young: map[id]struct{}{}, old: map[id]struct{}{},
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

// add remembers an id and says whether it is new.
func (s *seen) add(k id, now time.Time) bool {
	if _, ok := s.young[k]; ok {
		return false
	}
	if _, ok := s.old[k]; ok {
		return false
	}
	if len(s.young) >= s.half || now.Sub(s.since) >= s.window {
		s.old, s.young, s.since = s.young, make(map[id]struct{}, len(s.young)), now
	}
	s.young[k] = struct{}{}
	return true
}

// forget lets an id go whose row was not stored.
func (s *seen) forget(k id) {
	delete(s.young, k)
	delete(s.old, k)
}

// size returns how many ids are remembered.
func (s *seen) size() int { return len(s.young) + len(s.old) }
