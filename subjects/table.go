package subjects

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
)

// table keeps cells, of all shards together no more than its limit. Looking for a
// person, comparing who was found and copying it out happen under one lock of its
// shard, so that nobody is ever answered with another person's entry or with half
// of one. A full table gives the cell of whoever was not asked for lately to the
// newcomer.
type table struct {
	limit   int64
	used    atomic.Int64 // cells in all shards
	shards  []tableShard // a power of two
	held    heldTable
	evicted prometheus.Counter
}

// Shards have about so many cells at least when the table is full, and there are
// so many of them at most.
const (
	shardCells = 1024
	maxShards  = 256
)

func (t *table) init(limit int64, evicted prometheus.Counter) {
	count := min(maxShards, max(1, limit/shardCells))
	t.limit, t.evicted = limit, evicted
	t.shards = make([]tableShard, 1<<(bits.Len64(uint64(count))-1))
}

// cacheKey is what places are found by: the identifier's first 8 bytes. The cell
// holds the whole identifier, which is compared.
func cacheKey(h1 *event.Blinded) uint64 { return binary.LittleEndian.Uint64(h1[:8]) }

func (t *table) shard(key uint64) *tableShard { return &t.shards[key&uint64(len(t.shards)-1)] }

// get copies the entry of an identity out, if there is one for the time.
func (t *table) get(site siteNumber, at moment, id *Identity, out *Entry) bool {
	key := cacheKey(&id.H1)
	s := t.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, c := s.find(key, site, id)
	if c == nil || !c.alive(at) || (c.kind&known == 0 && id.Mint) {
		return false
	}
	s.touch(slot)
	c.open(t.held.get(c.held), out)
	return true
}

// put keeps a cell in the place of an earlier one of the same identity, in a new
// one, or in that of somebody else. What it holds is the table's from now on.
func (t *table) put(c *cell, now moment) {
	if c.site == 0 {
		t.held.release(c.held)
		return
	}
	key := cacheKey(&c.h1)
	for s := t.shard(key); ; t.evictElsewhere(now) {
		if before, ok := t.putInto(s, key, c, now); ok {
			t.held.release(before)
			return
		}
	}
}

// putInto keeps a cell in its shard, and returns what the cell before it held. It
// is false when the table is full and the shard has nobody who could go.
func (t *table) putInto(s *tableShard, key uint64, c *cell, now moment) (before heldNumber, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, old := s.find(key, c.site, &Identity{H1: c.h1, Kind: c.kind &^ known}); old != nil {
		before = old.held
		*old = *c
		return before, true
	}
	if s.count < maxPlaces && t.reserve() {
		s.add(key, c)
		return 0, true
	}
	if s.count == 0 {
		return 0, false
	}
	place := s.victim(now)
	old := s.cell(place)
	before = old.held
	s.unlink(s.slotOf(place))
	*old = *c
	s.link(key, place)
	t.evicted.Inc()
	return before, true
}

// reserve takes room for one cell.
func (t *table) reserve() bool {
	if t.used.Add(1) <= t.limit {
		return true
	}
	t.used.Add(-1)
	return false
}

// evictElsewhere makes room in the first shard that has a cell: a shard may be
// empty in a table of a few.
func (t *table) evictElsewhere(now moment) {
	for i := range t.shards {
		if t.evictFrom(&t.shards[i], now) {
			return
		}
	}
}

func (t *table) evictFrom(s *tableShard, now moment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return false
	}
	t.held.release(s.remove(s.victim(now)))
	t.used.Add(-1)
	t.evicted.Inc()
	return true
}

// remove forgets an identity.
func (t *table) remove(site siteNumber, id *Identity) {
	key := cacheKey(&id.H1)
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot, c := s.find(key, site, id); c != nil {
		t.held.release(s.remove(s.slots[slot].place()))
		t.used.Add(-1)
	}
}

// clear forgets everyone and gives the memory back.
func (t *table) clear() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for place := range s.count {
			t.held.release(s.cell(place).held)
		}
		t.used.Add(-int64(s.count))
		s.slots, s.chunks, s.count, s.hand = nil, nil, 0, 0
		s.mu.Unlock()
	}
}
