package table

import (
	"sync/atomic"

	"zgoda/pseudonym/keyring"
)

// SeenWithin is how many days lie at least between two days that are noted of a
// contact: who comes every day is noted once a week, and mostly only read.
const SeenWithin = 7

// seen are the days on which contacts of one chunk were last seen, counted from 1970.
// They are no salts, and are not locked.
type seen [chunkCount]atomic.Uint32

func (p *places) seen(at uint32) *atomic.Uint32 {
	return &(*p.days.Load())[at>>chunkBits][at&(chunkCount-1)]
}

// See notes that the contact that an identifier leads to is seen on a day. It returns
// the contact's number if the day is another one than is noted by SeenWithin or more.
func (t *Table) See(index keyring.Index, day uint32) (id int64, news bool) {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ref := s.find(p, hash)
	if ref == 0 {
		return 0, false
	}
	noted := t.places.seen(ref - 1)
	if was := noted.Load(); was+SeenWithin > day || !noted.CompareAndSwap(was, day) {
		return 0, false
	}
	return t.places.id(ref - 1), true
}

// SetSeen notes the day on which a contact was seen.
func (t *Table) SetSeen(s Slot, day uint32) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.closed && uint32(s) < t.places.used {
		t.places.seen(uint32(s)).Store(day)
	}
}

// Seen returns the day that is noted of a contact; 0: none is.
func (t *Table) Seen(s Slot) uint32 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed || uint32(s) >= t.places.used {
		return 0
	}
	return t.places.seen(uint32(s)).Load()
}
