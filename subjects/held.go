package subjects

import (
	"sync"

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
}

// Records are shared by what they say, whatever their sequence, which is that of
// the first of them: never above that of any who share it, and below by less
// than heldLag. The fence has the exact one, from the entry.
const (
	heldLag   = 256
	heldLimit = 1024 // different records; with more of them the table begins anew
)

// heldTable finds who shares a record.
type heldTable struct {
	mu sync.Mutex
	at map[consent.Record]*held // by the record without its sequence
}

// of returns what was found, shared if it can be.
func (t *heldTable) of(found *control.Found) *held {
	h := t.record(&found.Record)
	if len(found.Contacts) == 0 {
		return h
	}
	return &held{record: h.record, contacts: found.Contacts}
}

func (t *heldTable) record(r *consent.Record) *held {
	key := *r
	key.Sequence = 0
	t.mu.Lock()
	defer t.mu.Unlock()
	h, ok := t.at[key]
	if ok && h.record.Sequence > r.Sequence { // of a batch that has overtaken this one
		own := *r
		return &held{record: &own}
	}
	if ok && r.Sequence-h.record.Sequence < heldLag {
		return h
	}
	if t.at == nil || len(t.at) >= heldLimit {
		t.at = make(map[consent.Record]*held)
	}
	own := *r
	h = &held{record: &own}
	t.at[key] = h
	return h
}
