package subjects

import (
	"slices"
	"sync"
	"sync/atomic"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
)

// held is what the ledger holds about a person. Most people have said nothing,
// and most others one of a few things, so entries share it. It is never written
// to.
type held struct {
	record   *consent.Record
	contacts []event.Handle
	erased   int64 // the cut-off of an erasure, as event.Handles has it
}

// Records are shared by what they say, whatever their sequence, which is that of
// the first of them: never above that of any who share it, and below by less
// than heldLag. The fence has the exact one, from the entry.
const (
	heldLag   = 256
	heldLimit = 1024 // different records to share; with more of them the table begins anew
	heldRow   = 256
)

// heldNumber is what a cell has instead of a pointer; zero holds nothing.
type heldNumber uint32

// heldTable numbers what cells hold, for as long as one of them does, and finds
// who shares a record. A number is read without the table's lock by whoever has
// the lock of a shard with a cell in it: it is given away again only after that
// cell was written over.
type heldTable struct {
	rows atomic.Pointer[[]*[heldRow]heldPlace]

	mu   sync.Mutex
	at   map[consent.Record]heldNumber // by the record without its sequence
	free []heldNumber
	next heldNumber // never given yet
}

type heldPlace struct {
	held *held
	uses int // cells, and loads that are about to put one
}

// get returns what a number stands for.
func (t *heldTable) get(n heldNumber) *held { return t.place(n).held }

func (t *heldTable) place(n heldNumber) *heldPlace {
	return &(*t.rows.Load())[n/heldRow][n%heldRow]
}

// of returns what was found, shared if it can be, with one use of its number. erased is
// the cut-off of an erasure that the identifier was part of, 0 mostly.
func (t *heldTable) of(found *control.Found, erased int64) (heldNumber, *held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.recordLocked(&found.Record)
	h := t.get(n)
	if len(found.Contacts) == 0 && erased == 0 {
		return n, h
	}
	own := &held{record: h.record, contacts: found.Contacts, erased: erased}
	t.releaseLocked(n)
	return t.numberLocked(own), own
}

func (t *heldTable) recordLocked(r *consent.Record) heldNumber {
	key := unsequenced(r)
	n, ok := t.at[key]
	if ok {
		switch was := t.get(n).record.Sequence; {
		case was > r.Sequence: // of a batch that has overtaken this one
			own := *r
			return t.numberLocked(&held{record: &own})
		case r.Sequence-was < heldLag:
			t.place(n).uses++
			return n
		}
	}
	if t.at == nil || len(t.at) >= heldLimit {
		t.at = make(map[consent.Record]heldNumber)
	}
	own := *r
	n = t.numberLocked(&held{record: &own})
	t.at[key] = n
	return n
}

func unsequenced(r *consent.Record) consent.Record {
	key := *r
	key.Sequence = 0
	return key
}

// numberLocked gives a number, with one use.
func (t *heldTable) numberLocked(h *held) heldNumber {
	if t.next == 0 {
		t.next = 1
	}
	var n heldNumber
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
	} else {
		n = t.next
		t.next++
		t.reachLocked(n)
	}
	*t.place(n) = heldPlace{held: h, uses: 1}
	return n
}

// reachLocked makes a row for a number, unless there is one.
func (t *heldTable) reachLocked(n heldNumber) {
	var rows []*[heldRow]heldPlace
	if at := t.rows.Load(); at != nil {
		rows = *at
	}
	if int(n/heldRow) < len(rows) {
		return
	}
	rows = append(slices.Clone(rows), new([heldRow]heldPlace))
	t.rows.Store(&rows)
}

// release ends one use of a number.
func (t *heldTable) release(n heldNumber) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.releaseLocked(n)
}

func (t *heldTable) releaseLocked(n heldNumber) {
	p := t.place(n)
	if p.uses--; p.uses > 0 {
		return
	}
	if key := unsequenced(p.held.record); t.at[key] == n {
		delete(t.at, key)
	}
	*p = heldPlace{}
	t.free = append(t.free, n)
}

// inUse is how many numbers stand for something.
func (t *heldTable) inUse() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(1, int(t.next)) - 1 - len(t.free)
}
