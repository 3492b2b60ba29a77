package subjects

import (
	"testing"
	"unsafe"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
)

// TestSizes: there are a million cells, and a chunk of them is of a size that the
// allocator has a class for.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof([chunkCells]cell{}); size > 28<<10 {
		t.Errorf("a chunk of cells has %d bytes", size)
	}
	if size := unsafe.Sizeof(shard{}); size%cacheLine != 0 {
		t.Errorf("a shard has %d bytes, and shares a cache line with the next", size)
	}
}

func TestWhatIsHeldIsShared(t *testing.T) {
	var table heldTable
	of := func(seq event.Sequence, choice consent.Choice, contacts ...event.Handle) *held {
		f := control.Found{Contacts: contacts}
		f.Record.Sequence, f.Record.Purposes[bitProfiling].Choice = seq, choice
		_, h := table.of(&f, 0)
		if h.record.Purposes[bitProfiling].Choice != choice || len(h.contacts) != len(contacts) {
			t.Fatalf("at %d: another record", seq)
		}
		if h.record.Sequence > seq || seq-h.record.Sequence >= heldLag {
			t.Errorf("at %d: the sequence is %d", seq, h.record.Sequence)
		}
		return h
	}
	first := of(1000, consent.ChoiceUnset)
	if of(1000, consent.ChoiceUnset) != first || of(1000+heldLag-1, consent.ChoiceUnset) != first {
		t.Error("nothing said is not shared")
	}
	if of(999, consent.ChoiceUnset) == first {
		t.Error("a record claims to know a change that came after it")
	}
	if of(1000, consent.ChoiceUnset) != first {
		t.Error("an older batch has taken the place")
	}
	if of(1000, consent.ChoiceGiven) == first || of(1000, consent.ChoiceRefused) == of(1000, consent.ChoiceGiven) {
		t.Error("different records are shared")
	}
	linked := of(1001, consent.ChoiceUnset, event.Handle{1})
	if linked == first || linked.record != first.record {
		t.Error("a linked visitor shares the record and nothing else")
	}
	if of(1000+heldLag, consent.ChoiceUnset) == first {
		t.Error("a record is too old to be shared")
	}
	for i := range 3 * heldLimit {
		f := control.Found{}
		f.Record.Purposes[0].Version = uint32(i)
		table.of(&f, 0)
		if len(table.at) > heldLimit {
			t.Fatalf("%d records are kept", len(table.at))
		}
	}
}

func TestSitesAreNumbered(t *testing.T) {
	var s siteNumbers
	if s.find("shop") != 0 {
		t.Error("a site has a number before anybody was loaded for it")
	}
	shop, blog := s.number("shop"), s.number("blog")
	if shop == 0 || blog == 0 || shop == blog || s.number("shop") != shop || s.find("blog") != blog {
		t.Errorf("shop %d, blog %d", shop, blog)
	}
}

// TestEntriesAreBounded: and what had to go is counted.
func TestEntriesAreBounded(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Entries = 50 })
	w.load(many("v", 500)...)
	if n := w.set.Len(); n != 50 {
		t.Errorf("%d entries of 50", n)
	}
	if gone := counted(t, w.set.metrics.evictions); gone != 450 {
		t.Errorf("%v of 500 were not kept", gone)
	}
	if loaded := counted(t, w.set.metrics.loaded); loaded != 500 {
		t.Errorf("%v were loaded", loaded)
	}
	out := w.load(visitor("v1"))
	if err := w.set.Accept(out, func() error { return nil }); err != nil || out[0].IsZero() {
		t.Errorf("whoever was not kept is loaded again: %v", err)
	}
}
