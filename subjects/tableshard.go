package subjects

import (
	"sync"
	"sync/atomic"
)

// tableShard is a hash table of cells with open addressing. Cells lie in chunks
// that are made when they are needed, without a gap: places 0 to count-1.
type tableShard struct {
	mu     sync.RWMutex // to read: slots are found and touched, cells copied
	slots  []slot       // a power of two; at most 7 of 8 are taken
	chunks []*[chunkCells]cell
	count  uint32
	hand   uint32 // the place where the next victim is looked for
	_      [cacheLine]byte
}

// chunkCells cells are 28 KiB, which the allocator has a class for.
const chunkCells = 256

// slot says at which place a cell lies: the place plus one, zero for none; how
// often the cell was asked for lately, up to 3 times; and some bits of its key,
// which spare a look at the cell of somebody else.
type slot struct{ atomic.Uint32 }

const (
	placeBits = 20
	placeMask = 1<<placeBits - 1
	maxPlaces = placeMask - 1
	useOne    = 1 << placeBits
	useMask   = 3 << placeBits
	tagMask   = ^uint32(placeMask | useMask)
	leastSize = 8 // slots
)

func (s *slot) place() uint32 { return s.Load()&placeMask - 1 }

// tag returns the bits of a key that a slot has; home, at which slot to look first.
func tag(key uint64) uint32 { return uint32(key>>32) & tagMask }

func (s *tableShard) home(key uint64) int { return int(key>>8) & (len(s.slots) - 1) }

func (s *tableShard) next(slot int) int { return (slot + 1) & (len(s.slots) - 1) }

func (s *tableShard) cell(place uint32) *cell {
	return &s.chunks[place/chunkCells][place%chunkCells]
}

// find returns the slot and the cell of an identity, or nil.
func (s *tableShard) find(key uint64, site siteNumber, id *Identity) (slot int, c *cell) {
	if len(s.slots) == 0 {
		return 0, nil
	}
	t := tag(key)
	for i := s.home(key); ; i = s.next(i) {
		v := s.slots[i].Load()
		if v == 0 {
			return 0, nil
		}
		if v&tagMask != t {
			continue
		}
		if c := s.cell(v&placeMask - 1); c.answers(site, id) {
			return i, c
		}
	}
}

// touch notes that a cell was asked for. That one of several readers fails does
// not matter.
func (s *tableShard) touch(slot int) {
	if v := s.slots[slot].Load(); v&useMask != useMask {
		s.slots[slot].CompareAndSwap(v, v+useOne)
	}
}

// slotOf returns the slot of a place that is in use.
func (s *tableShard) slotOf(place uint32) int {
	i := s.home(cacheKey(&s.cell(place).h1))
	for s.slots[i].place() != place {
		i = s.next(i)
	}
	return i
}

// add puts a cell into a new place.
func (s *tableShard) add(key uint64, c *cell) {
	if int(s.count)+1 > len(s.slots)/8*7 {
		s.grow()
	}
	if int(s.count) == len(s.chunks)*chunkCells {
		s.chunks = append(s.chunks, new([chunkCells]cell))
	}
	*s.cell(s.count) = *c
	s.link(key, s.count)
	s.count++
}

// grow doubles the slots.
func (s *tableShard) grow() {
	before := s.slots
	s.slots = make([]slot, max(leastSize, 2*len(before)))
	for i := range before {
		if v := before[i].Load(); v != 0 {
			s.slots[s.empty(cacheKey(&s.cell(v&placeMask-1).h1))].Store(v)
		}
	}
}

// empty returns the slot that a key gets.
func (s *tableShard) empty(key uint64) int {
	i := s.home(key)
	for s.slots[i].Load() != 0 {
		i = s.next(i)
	}
	return i
}

// link gives a place a slot.
func (s *tableShard) link(key uint64, place uint32) {
	s.slots[s.empty(key)].Store(tag(key) | (place + 1))
}

// unlink empties a slot, and moves those after it that had no room at home.
func (s *tableShard) unlink(hole int) {
	for i := s.next(hole); ; i = s.next(i) {
		v := s.slots[i].Load()
		if v == 0 {
			break
		}
		home := s.home(cacheKey(&s.cell(v&placeMask - 1).h1))
		if mask := len(s.slots) - 1; (i-home)&mask >= (i-hole)&mask {
			s.slots[hole].Store(v)
			hole = i
		}
	}
	s.slots[hole].Store(0)
}

// remove takes a cell out and returns what it held. The last one takes its place.
func (s *tableShard) remove(place uint32) heldNumber {
	gone := s.cell(place).held
	s.unlink(s.slotOf(place))
	last := s.count - 1
	if place != last {
		i := s.slotOf(last)
		s.slots[i].Store(s.slots[i].Load()&^placeMask | (place + 1))
		*s.cell(place) = *s.cell(last)
	}
	*s.cell(last) = cell{}
	s.count = last
	if s.hand >= last {
		s.hand = 0
	}
	return gone
}

// looks is how many cells are looked at for a victim at most.
const looks = 32

// victim returns the place that goes next: the first from the hand on whose time
// is over or that was not asked for since the hand came by last, else the one of
// those looked at that was asked for least.
func (s *tableShard) victim(now moment) uint32 {
	least, use := s.hand, uint32(useMask)
	for range min(looks, s.count) {
		place := s.hand
		s.hand = (s.hand + 1) % s.count
		i := s.slotOf(place)
		v := s.slots[i].Load()
		if v&useMask == 0 || s.cell(place).over(now) {
			return place
		}
		if v&useMask < use {
			least, use = place, v&useMask
		}
		s.slots[i].Store(v - useOne)
	}
	return least
}
