package subjects

import (
	"maps"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/event"
)

// shardCount is the number of shards of the fence: one bit each in a word.
const shardCount = 64

// fence remembers recent changes: consent handle to control sequence. An entry
// that was loaded before the change of its handle is stale. It is bounded:
// when a shard is full its floor rises, and every older entry is stale.
//
// It also counts, by shard of the identifier, the contacts that were made: an
// entry of an unknown contact holds a decoy, and must go when one is made.
type fence struct {
	shards [shardCount]shard
	limit  int           // marks in one shard
	keep   time.Duration // how long a mark is needed: longer than an entry lives
	size   atomic.Int64

	retired retired
}

// shard has what every load reads apart from the lock, which every Accept writes
// to, so that they do not take the cache line from each other.
type shard struct {
	mu    sync.RWMutex
	marks map[event.Handle]mark
	floor event.Sequence // entries below it are stale
	_     [cacheLine - 40]byte
	top   atomic.Uint64 // the highest sequence of marks and floor
	made  atomic.Uint32 // an entry does not live for 4 billion of them
	_     [cacheLine - 16]byte
}

const cacheLine = 64

type mark struct {
	sequence event.Sequence
	at       time.Time
}

// newFence makes a fence whose floor is the store's sequence: what an earlier
// process accepted is looked up.
func newFence(size int, keep time.Duration, floor event.Sequence) *fence {
	f := &fence{limit: max(1, size/shardCount), keep: keep}
	for i := range f.shards {
		s := &f.shards[i]
		s.marks = make(map[event.Handle]mark)
		s.floor = floor
		s.top.Store(uint64(floor))
	}
	return f
}

func (f *fence) of(h *event.Handle) int         { return int(h[0] % shardCount) }
func (f *fence) ofBlinded(b *event.Blinded) int { return int(b[0] % shardCount) }

// raise marks a change of the handle. When it has returned, no Accept passes an
// entry that is older.
func (f *fence) raise(h event.Handle, sequence event.Sequence, at time.Time) {
	s := &f.shards[f.of(&h)]
	s.mu.Lock()
	defer s.mu.Unlock()
	was, there := s.marks[h]
	if there && was.sequence >= sequence {
		return
	}
	if !there && len(s.marks) >= f.limit {
		f.makeRoomLocked(s, at)
	}
	before := len(s.marks)
	s.marks[h] = mark{sequence, at}
	f.size.Add(int64(len(s.marks) - before))
	s.top.Store(max(s.top.Load(), uint64(sequence)))
}

// raiseAll marks a change of more people than are worth naming: when it has
// returned, no Accept passes any entry that is older.
func (f *fence) raiseAll(sequence event.Sequence) {
	for i := range f.shards {
		f.shards[i].raiseFloor(f, sequence)
	}
}

func (s *shard) raiseFloor(f *fence, sequence event.Sequence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = max(s.floor, sequence)
	before := len(s.marks)
	maps.DeleteFunc(s.marks, func(_ event.Handle, m mark) bool { return m.sequence <= s.floor })
	f.size.Add(int64(len(s.marks) - before))
	s.top.Store(max(s.top.Load(), uint64(sequence)))
}

// makeRoomLocked drops the marks that no entry can need any more; if there are
// none, all of them, and raises the floor above them.
func (f *fence) makeRoomLocked(s *shard, at time.Time) {
	before := len(s.marks)
	for h, m := range s.marks {
		if at.Sub(m.at) > f.keep {
			s.floor = max(s.floor, m.sequence) // costs no hit; records in the spool, and clocks that were set back, need it
			delete(s.marks, h)
		}
	}
	if len(s.marks) >= f.limit {
		for _, m := range s.marks {
			s.floor = max(s.floor, m.sequence)
		}
		clear(s.marks)
	}
	f.size.Add(int64(len(s.marks) - before))
}

// minted makes entries of unknown contacts in the identifier's shard stale.
func (f *fence) minted(h1 *event.Blinded) {
	s := &f.shards[f.ofBlinded(h1)]
	s.mu.Lock()
	s.made.Add(1)
	s.mu.Unlock()
}

func (f *fence) madeCount(h1 *event.Blinded) uint32 {
	return f.shards[f.ofBlinded(h1)].made.Load()
}

// fresh says whether the entry is as new as every change. It may be wrong by
// the time it returns: accept is what decides.
func (f *fence) fresh(e *Entry) bool {
	if !e.known && e.made != f.madeCount(&e.h1) || f.retired.has(e) {
		return false
	}
	return f.freshHandle(&e.Handles.Consent, e.sequence)
}

func (f *fence) freshHandle(h *event.Handle, sequence event.Sequence) bool {
	s := &f.shards[f.of(h)]
	if uint64(sequence) >= s.top.Load() {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.freshLocked(h, sequence)
}

func (s *shard) freshLocked(h *event.Handle, sequence event.Sequence) bool {
	if uint64(sequence) >= s.top.Load() {
		return true
	}
	return sequence >= s.floor && sequence >= s.marks[*h].sequence
}

// accept runs put when every entry is fresh, and keeps any change of them from
// returning until put is done. Zero entries are passed over.
func (f *fence) accept(entries []Entry, put func() error) error {
	var mask uint64
	for i := range entries {
		e := &entries[i]
		if e.IsZero() {
			continue
		}
		mask |= 1 << f.of(&e.Handles.Consent)
		if !e.known {
			mask |= 1 << f.ofBlinded(&e.h1)
		}
	}
	for m := mask; m != 0; m &= m - 1 { // always from the lowest shard up
		f.shards[bits.TrailingZeros64(m)].mu.RLock()
	}
	defer f.release(mask)
	for i := range entries {
		if e := &entries[i]; !e.IsZero() && !f.freshAllLocked(e) {
			return ErrStale
		}
	}
	return put()
}

func (f *fence) release(mask uint64) {
	for m := mask; m != 0; m &= m - 1 {
		f.shards[bits.TrailingZeros64(m)].mu.RUnlock()
	}
}

func (f *fence) freshAllLocked(e *Entry) bool {
	if !e.known && e.made != f.madeCount(&e.h1) || f.retired.has(e) {
		return false
	}
	return f.shards[f.of(&e.Handles.Consent)].freshLocked(&e.Handles.Consent, e.sequence)
}

// suspect says whether something may have changed about the handle since the
// sequence: a record of that sequence must be looked up.
func (f *fence) suspect(h *event.Handle, sequence event.Sequence) bool {
	s := &f.shards[f.of(h)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.freshLocked(h, sequence)
}
