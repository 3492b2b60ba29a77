package writer

import (
	"hash/maphash"
	"math/bits"
	"time"

	"zgoda/event"
)

// id stands for a site and a message id: 96 bits of keyed hash, so that nobody can
// make two collide and chance will not (docs/decisions/0019).
type id struct {
	a uint64 // never zero
	b uint32
}

// turn counts the ranges that a process works on. Zero is what earlier ones stored.
type turn uint32

// seen remembers ids, each with the range that brought it, in two generations:
// the older one is let go when the younger is full or old enough, so memory is
// bounded and no timer is needed. All that was added since from is remembered.
type seen struct {
	seeds       [2]maphash.Seed
	young, old  table
	from, since time.Time // when the old generation began, and the young one
	window      time.Duration
	half        int
}

func newSeen(window time.Duration, limit int, now time.Time) *seen {
	half := max(1, limit/2)
	return &seen{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		young: table{limit: half}, old: table{limit: half},
		from: now, since: now, window: window, half: half,
	}
}

// id hashes a site and a message id that lie one after the other; site is how
// long the first is. It may be called beside the other methods.
func (s *seen) id(key []byte, site int) id {
	a := maphash.Bytes(s.seeds[0], key) + uint64(site)*0x9e3779b97f4a7c15
	b := maphash.Bytes(s.seeds[1], key) + uint64(site)*0xc2b2ae3d27d4eb4f
	return id{max(a, 1), uint32(b >> 32)}
}

// idOf is id for parts that lie apart.
func (s *seen) idOf(site event.SiteID, messageID string) id {
	return s.id([]byte(string(site)+messageID), len(site))
}

// add remembers an id and says whether it is new, else which range brought it.
func (s *seen) add(k id, by turn, now time.Time) (first turn, fresh bool) {
	if at := s.find(k); at != nil {
		return at.turn, false
	}
	if s.young.used >= s.half || now.Sub(s.since) >= s.window {
		s.old, s.young = s.young, s.old
		s.young.clear()
		s.from, s.since = s.since, now
	}
	s.young.add(k, by)
	return by, true
}

func (s *seen) find(k id) *slot {
	if at := s.young.find(k); at != nil {
		return at
	}
	return s.old.find(k)
}

// give says that an id is another range's now.
func (s *seen) give(k id, to turn) {
	if at := s.find(k); at != nil {
		at.turn = to
	}
}

// forget lets an id go whose row was not stored.
func (s *seen) forget(k id) {
	s.young.remove(k)
	s.old.remove(k)
}

// size returns how many ids are remembered.
func (s *seen) size() int { return s.young.used + s.old.used }

// slot is 16 bytes without a pointer: the garbage collector does not look inside.
type slot struct {
	a    uint64
	b    uint32
	turn turn
}

// table is a hash table of open addressing, at most three quarters full.
type table struct {
	slots []slot
	used  int
	limit int // how many ids it is made to hold at most
}

const smallest = 1 << 10

// home is where an id's search begins.
func (t *table) home(a uint64) int {
	hi, _ := bits.Mul64(a, uint64(len(t.slots)))
	return int(hi)
}

func (t *table) next(i int) int {
	if i++; i == len(t.slots) {
		return 0
	}
	return i
}

func (t *table) find(k id) *slot {
	if t.used == 0 {
		return nil
	}
	for i := t.home(k.a); t.slots[i].a != 0; i = t.next(i) {
		if s := &t.slots[i]; s.a == k.a && s.b == k.b {
			return s
		}
	}
	return nil
}

// add puts an id in that is not there.
func (t *table) add(k id, by turn) {
	if (t.used+1)*4 > len(t.slots)*3 {
		t.grow()
	}
	t.used++
	t.put(slot{k.a, k.b, by})
}

func (t *table) put(s slot) {
	i := t.home(s.a)
	for t.slots[i].a != 0 {
		i = t.next(i)
	}
	t.slots[i] = s
}

// grow doubles the table, up to what its limit needs.
func (t *table) grow() {
	old := t.slots
	size := max(smallest, 2*len(old))
	if most := t.limit*4/3 + 2; size > most && most > len(old) {
		size = most
	}
	t.slots = make([]slot, size)
	for _, s := range old {
		if s.a != 0 {
			t.put(s)
		}
	}
}

// remove takes an id out and closes the gap.
func (t *table) remove(k id) {
	at := t.find(k)
	if at == nil {
		return
	}
	t.used--
	gap := t.home(k.a)
	for &t.slots[gap] != at {
		gap = t.next(gap)
	}
	for i := t.next(gap); t.slots[i].a != 0; i = t.next(i) {
		// What would be found from its home without the gap stays where it is.
		if home := t.home(t.slots[i].a); (i > gap && (home <= gap || home > i)) || (i < gap && home <= gap && home > i) {
			t.slots[gap], gap = t.slots[i], i
		}
	}
	t.slots[gap] = slot{}
}

func (t *table) clear() {
	clear(t.slots)
	t.used = 0
}
