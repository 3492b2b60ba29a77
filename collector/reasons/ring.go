package reasons

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Fate is what became of an event whose reasons are kept.
type Fate uint8

// The fates.
const (
	Dropped  Fate = iota // nothing of it was stored
	Narrowed             // it was stored, and some purpose was denied
)

// String returns "dropped" or "narrowed".
func (f Fate) String() string {
	if f == Narrowed {
		return "narrowed"
	}
	return "dropped"
}

// Verdict is a purpose's part of a decision.
type Verdict struct {
	Outcome consent.Outcome
	By      consent.Source
}

// Decided is what is noted of one decision: a value without pointers.
type Decided struct {
	At       time.Time
	Fate     Fate
	Reason   event.Reason // why it was dropped, which the purposes need not tell
	Scope    event.Scope  // under which a narrowed event was stored
	Revision uint32       // of the policy
	Purposes int          // how many of the lists below are in use
	Verdicts [event.MaxPurposes]Verdict
	// Public is what the request's own signals alone say: that much a browser
	// is told. Private marks the purposes about which it is told nothing.
	Public  [event.MaxPurposes]Verdict
	Private [event.MaxPurposes]bool
}

// entry is Decided, packed.
type entry struct {
	key      Key
	seconds  int64
	revision uint32
	fate     Fate
	reason   event.Reason
	scope    event.Scope
	purposes uint8
	verdicts [event.MaxPurposes]uint8
	public   [event.MaxPurposes]uint8
}

// The codes of verdicts: the outcome's bit and the source below it.
const (
	codeAllow   = 1 << 7
	codePrivate = 1<<7 - 1
)

// turnLevel is when a turn began, and the highest level in it.
type turnLevel struct {
	began   int64 // Unix nanoseconds; 0: there was no such turn
	highest uint32
}

// turns is into how many parts a horizon is divided; each may bring as large a
// part of the entries.
const turns = 8

// Ring keeps entries. It is safe for concurrent use.
type Ring struct {
	seeds [2]maphash.Seed
	turn  time.Duration
	share int // of entries, that half a turn may bring

	level  atomic.Uint32 // one of 2^level is kept
	turnAt atomic.Int64  // when the turn began, in Unix nanoseconds
	noted  atomic.Uint64
	kept   atomic.Uint64

	mu       sync.Mutex
	last     [turns + 1]turnLevel // the newest first
	entries  []entry
	next     int // where the oldest is once the ring is full
	brought  int // since the level was last raised, or the turn began
	inTurn   int
	capacity int
}

// New makes a ring; with no entries it is one that keeps nothing.
func New(c Config) (*Ring, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Ring{
		seeds:    [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		turn:     c.Horizon / turns,
		share:    max(1, c.Entries/turns/2),
		entries:  make([]entry, 0, c.Entries),
		capacity: c.Entries,
	}, nil
}

// Key is a keyed hash of a site and a messageId, under seeds of this process. It
// never leaves the process.
type Key [2]uint64

// key returns the keyed hash of a messageId, as the client gave it, on a site.
func (r *Ring) key(site event.SiteID, messageID []byte) (key Key) {
	for i := range key {
		var h maphash.Hash
		h.SetSeed(r.seeds[i])
		_, _ = h.WriteString(string(site)) // never fails, as the next two
		_ = h.WriteByte(0)
		_, _ = h.Write(messageID)
		key[i] = h.Sum64()
	}
	return key
}

// Wants returns the key for Note, and whether an entry about the messageId would
// be kept now. It is cheap, so that what the entry is made of need not be
// gathered in vain. Without a messageId nothing could be looked up, and nothing
// is kept.
func (r *Ring) Wants(site event.SiteID, messageID []byte, now time.Time) (Key, bool) {
	if r == nil || r.capacity == 0 || len(messageID) == 0 {
		return Key{}, false
	}
	r.noted.Add(1)
	if now.UnixNano()-r.turnAt.Load() > int64(r.turn) {
		r.nextTurn(now)
	}
	key := r.key(site, messageID)
	return key, sampled(key, r.level.Load())
}

// sampled says whether a key belongs to the sample of one in 2^level.
func sampled(key Key, level uint32) bool { return key[0]&(1<<level-1) == 0 }

// nextTurn begins a turn. When the last one brought little, the sample is made
// denser again.
func (r *Ring) nextTurn(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := r.turnAt.Load()
	if now.UnixNano()-began <= int64(r.turn) {
		return // another has begun it
	}
	if began != 0 && r.inTurn < r.share/2 && r.level.Load() > 0 {
		r.level.Add(^uint32(0))
	}
	r.turnAt.Store(now.UnixNano())
	copy(r.last[1:], r.last[:])
	r.last[0] = turnLevel{now.UnixNano(), r.level.Load()}
	r.brought, r.inTurn = 0, 0
}

// maxLevel keeps the sample's share above one in a million.
const maxLevel = 20

// Note keeps an entry under a key of Wants, in place of the oldest once the ring
// is full. It allocates nothing.
func (r *Ring) Note(key Key, d *Decided) {
	if r == nil || r.capacity == 0 {
		return
	}
	e := pack(d)
	e.key = key
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) < r.capacity {
		r.entries = append(r.entries, e)
	} else {
		r.entries[r.next] = e
		r.next = (r.next + 1) % r.capacity
	}
	r.kept.Add(1)
	r.inTurn++
	if r.brought++; r.brought >= r.share && r.level.Load() < maxLevel {
		r.last[0].highest = r.level.Add(1)
		r.brought = 0
	}
}

func pack(d *Decided) entry {
	e := entry{
		seconds: d.At.Unix(), revision: d.Revision, fate: d.Fate, reason: d.Reason, scope: d.Scope,
		purposes: uint8(max(0, min(d.Purposes, event.MaxPurposes))),
	}
	for i := range e.purposes {
		e.verdicts[i] = d.Verdicts[i].code()
		e.public[i] = codePrivate
		if !d.Private[i] {
			e.public[i] = d.Public[i].code()
		}
	}
	return e
}

func (v Verdict) code() uint8 {
	code := uint8(v.By)
	if v.Outcome == consent.Allow {
		code |= codeAllow
	}
	return code
}

func verdictOf(code uint8) Verdict {
	v := Verdict{By: consent.Source(code &^ codeAllow)}
	if code&codeAllow != 0 {
		v.Outcome = consent.Allow
	}
	return v
}
