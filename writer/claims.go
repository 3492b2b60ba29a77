package writer

import (
	"slices"
	"sync"
	"time"

	"zgoda/event"
)

// claims says which range may store an id. A range claims the ids of its rows
// before any of them is sent. A row whose id another row in flight has is a copy:
// should that one be dropped or quarantined, the id goes to the first copy that
// waits for it, so that an id is never without an owner while a sound copy waits.
type claims struct {
	mu       sync.Mutex
	seen     *seen
	turn     turn
	released turn             // ranges up to here are stored: their copies are duplicates for good
	waiting  map[id][]*copied // in the order of their ranges and of their records
}

func newClaims(s *seen) *claims {
	return &claims{seen: s, waiting: map[id][]*copied{}}
}

// enter claims the ids of a range's rows. Rows whose id was claimed before are
// duplicates from now on, until they are granted it.
func (c *claims) enter(b *batch) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	b.turn = c.turn
	_ = b.settle(func(row int) (fate, error) {
		k := b.ids[row]
		first, fresh := c.seen.add(k, b.turn, now)
		if fresh {
			return pending, nil
		}
		if first > c.released {
			// An id that left seen while it waited would have no owner; see Config.MaxSeen.
			w := &copied{of: b.of[row], id: k, turn: b.turn, foreign: first != b.turn}
			b.copies = append(b.copies, w)
			c.waiting[k] = append(c.waiting[k], w)
		}
		return duplicate, nil
	})
}

// forget lets go of an id whose row is not stored: to the first copy that waits.
func (c *claims) forget(k id) {
	c.mu.Lock()
	defer c.mu.Unlock()
	heirs := c.waiting[k]
	if len(heirs) == 0 {
		c.seen.forget(k)
		return
	}
	heir := heirs[0]
	heir.granted = true
	c.seen.give(k, heir.turn)
	c.dismiss(heir)
}

// dismiss takes a copy from those that wait.
func (c *claims) dismiss(w *copied) {
	line := c.waiting[w.id]
	if at := slices.Index(line, w); at == 0 { // always: ranges leave in order
		line = line[1:]
	} else if at > 0 {
		line = slices.Delete(line, at, at+1)
	}
	if c.waiting[w.id] = line; len(line) == 0 {
		delete(c.waiting, w.id)
	}
}

// revive makes rows of the copies that were granted their id, and says whether
// there were any, and whether some still depend on an earlier range.
func (c *claims) revive(b *batch) (revived, waits bool) {
	if len(b.copies) == 0 {
		return false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range b.copies {
		if w.granted && !w.revived {
			b.revive(w)
			revived = true
		}
		waits = waits || w.foreign && !w.granted
	}
	return revived, waits
}

// leave says that a range is released.
func (c *claims) leave(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = b.turn
	for _, w := range b.copies {
		if !w.granted {
			c.dismiss(w)
		}
	}
}

// seed remembers ids that are stored since a time.
func (c *claims) seed(list []id, reached time.Time) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range list {
		c.seen.add(k, 0, now)
	}
	if c.seen.old.used == 0 {
		c.seen.from = reached
	}
}

// id hashes what makes an event one event.
func (c *claims) id(site event.SiteID, messageID string) id { return c.seen.idOf(site, messageID) }

// state returns how many ids are remembered, and since when.
func (c *claims) state() (size int, from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen.size(), c.seen.from
}
