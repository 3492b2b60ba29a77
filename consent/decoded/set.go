package decoded

import (
	"sync"
	"sync/atomic"
)

// A set is a few entries and the room for them. A string has its place in one set,
// by its hash; there it is first looked for where it would stand if it were alone.
//
// Who reads takes no lock and writes nothing but how often an entry was asked
// for, up to mostAsked. A new string takes the place of one that nobody asked for
// since it came; if all were asked for, it is not kept. Whenever agesAfter new
// strings came, all count one less. So a flood of strings that never come again
// leaves the others alone, and what was asked for long ago gives way in the end.
type set struct {
	ways [ways]atomic.Pointer[entry]

	mu   sync.Mutex // of whoever changes ways
	used int64      // what the entries take
	room int64      // at most
	came int        // how many new strings came since all counted one less
}

const (
	wayBits = 4
	ways    = 1 << wayBits
	// setBytes is the least room of a set: for the longest string that there is,
	// or for as many as it has ways of about a thousand octets.
	setBytes  = 16 << 10
	mostAsked = 7
	agesAfter = 4 * ways
)

// entry is one decoded string: either of the two.
type entry struct {
	key   uint64 // the hash of its text
	tc    *TC
	gpp   *GPP
	size  int64
	asked atomic.Uint32
}

// ask counts that the entry was asked for. Of two at once one may be lost.
func (e *entry) ask() {
	if n := e.asked.Load(); n < mostAsked {
		e.asked.Store(n + 1)
	}
}

// find returns the entry of a key, or nil.
func (s *set) find(key uint64) *entry {
	for n := range uint64(ways) {
		if e := s.ways[(key+n)%ways].Load(); e != nil && e.key == key {
			return e
		}
	}
	return nil
}

// put keeps an entry, or not, and returns by how much the set has grown.
func (s *set) put(e *entry) (grown int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.used
	s.age()
	if e.size <= s.room && s.find(e.key) == nil && s.makeRoom(e) {
		way := s.free(e.key)
		way.Store(e)
		s.used += e.size
	}
	return s.used - before
}

// makeRoom lets entries give way to a new one until there is a way and room.
func (s *set) makeRoom(e *entry) bool {
	for s.used+e.size > s.room || s.free(e.key) == nil {
		if !s.giveWay(e.key) {
			return false
		}
	}
	return true
}

// free returns a way with nothing in it, the nearest to where the key would stand.
func (s *set) free(key uint64) *atomic.Pointer[entry] {
	for n := range uint64(ways) {
		if way := &s.ways[(key+n)%ways]; way.Load() == nil {
			return way
		}
	}
	return nil
}

// giveWay drops an entry that nobody asked for since it came or was last counted
// less, if there is one.
func (s *set) giveWay(key uint64) bool {
	for n := range uint64(ways) {
		way := &s.ways[(key+n)%ways]
		if e := way.Load(); e != nil && e.asked.Load() == 0 {
			way.Store(nil)
			s.used -= e.size
			return true
		}
	}
	return false
}

// age counts a new string, and all entries one less after some of them.
func (s *set) age() {
	if s.came++; s.came < agesAfter {
		return
	}
	s.came = 0
	for i := range s.ways {
		if e := s.ways[i].Load(); e != nil {
			e.asked.Store(max(e.asked.Load(), 1) - 1)
		}
	}
}
