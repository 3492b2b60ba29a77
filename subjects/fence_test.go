package subjects

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

func visitorEntry(h event.Handle, seq event.Sequence) Entry {
	e := Entry{held: &held{}, known: true, kind: event.KindVisitor}
	e.Handles.Consent, e.sequence = h, seq
	return e
}

func accepts(f *fence, e ...Entry) bool {
	return !errors.Is(f.accept(e, func() error { return nil }), ErrStale)
}

func fresh(f *fence, h event.Handle, seq event.Sequence) bool {
	e := visitorEntry(h, seq)
	return f.fresh(&e)
}

func TestFenceOverflowRaisesTheFloor(t *testing.T) {
	f := newFence(shardCount*2, time.Hour, 0) // two marks in a shard
	at := time.Unix(1000, 0)
	same := func(n byte) event.Handle { return event.Handle{0: 5, 1: n} } // one shard
	bystander, elsewhere := visitorEntry(same(99), 3), visitorEntry(event.Handle{0: 6}, 0)
	f.raise(same(1), 10, at)
	f.raise(same(2), 11, at)
	if !accepts(f, bystander) || accepts(f, visitorEntry(same(1), 9)) || !accepts(f, visitorEntry(same(1), 10)) {
		t.Fatal("below its limit the fence is exact")
	}
	f.raise(same(3), 12, at)
	for n, seq := range map[byte]event.Sequence{1: 10, 2: 10, 3: 11, 99: 3} {
		if accepts(f, visitorEntry(same(n), seq)) {
			t.Errorf("handle %d: an entry older than the floor was accepted", n)
		}
	}
	if accepts(f, visitorEntry(same(3), 11)) || !accepts(f, visitorEntry(same(3), 12)) || !accepts(f, visitorEntry(same(99), 11)) {
		t.Error("above the floor the fence is exact")
	}
	if !accepts(f, elsewhere) {
		t.Error("the floor of another shard rose")
	}
	if f.size.Load() != 1 {
		t.Errorf("size %d", f.size.Load())
	}
}

func TestFenceForgetsMarksByAgeIntoTheFloor(t *testing.T) {
	f := newFence(shardCount, time.Hour, 0) // one mark in a shard
	at := time.Unix(1000, 0)
	old, next := event.Handle{0: 5, 1: 1}, event.Handle{0: 5, 1: 2}
	f.raise(old, 10, at)
	f.raise(next, 20, at.Add(2*time.Hour))
	// No cache entry of before the change is alive, unless a clock was set back; a
	// record in the spool can be.
	if accepts(f, visitorEntry(event.Handle{0: 5, 1: 9}, 5)) {
		t.Error("an aged mark left the floor where it was")
	}
	if !accepts(f, visitorEntry(event.Handle{0: 5, 1: 9}, 10)) {
		t.Error("the floor is above the mark")
	}
	if !f.suspect(&old, 9) {
		t.Error("a record older than a forgotten mark is not looked up")
	}
	if f.suspect(&old, 10) || !f.suspect(&next, 19) {
		t.Error("the fence is not exact for records")
	}
}

func TestFenceFloorAtStart(t *testing.T) {
	f := newFence(1024, time.Hour, 50)
	h := event.Handle{0: 1}
	if accepts(f, visitorEntry(h, 49)) || !accepts(f, visitorEntry(h, 50)) || !f.suspect(&h, 49) || f.suspect(&h, 50) {
		t.Error("the floor at the start does not hold")
	}
}

// TestFenceAgainstModel: whatever is raised in whatever order, an entry older
// than a change of its handle is never accepted, and one as new as every change
// is always.
func TestFenceAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFence(rapid.IntRange(shardCount, 4*shardCount).Draw(rt, "size"), time.Second, 0)
		changed := map[event.Handle]event.Sequence{}
		var top event.Sequence
		at := time.Unix(1000, 0)
		handle := rapid.Custom(func(rt *rapid.T) event.Handle {
			return event.Handle{0: rapid.ByteRange(0, 3).Draw(rt, "shard"), 1: rapid.ByteRange(0, 9).Draw(rt, "handle")}
		})
		rt.Repeat(map[string]func(*rapid.T){
			"raise": func(rt *rapid.T) {
				h, seq := handle.Draw(rt, "h"), event.Sequence(rapid.Uint64Range(1, 50).Draw(rt, "sequence"))
				f.raise(h, seq, at)
				changed[h], top = max(changed[h], seq), max(top, seq)
			},
			"raise all": func(rt *rapid.T) {
				seq := event.Sequence(rapid.Uint64Range(1, 50).Draw(rt, "sequence"))
				f.raiseAll(seq)
				for shard := range byte(4) {
					for n := range byte(10) {
						h := event.Handle{0: shard, 1: n}
						changed[h] = max(changed[h], seq)
					}
				}
				top = max(top, seq)
			},
			"look": func(rt *rapid.T) {
				h, seq := handle.Draw(rt, "h"), event.Sequence(rapid.Uint64Range(0, 51).Draw(rt, "sequence"))
				if seq < changed[h] && (accepts(f, visitorEntry(h, seq)) || fresh(f, h, seq) || !f.suspect(&h, seq)) {
					rt.Error("an older entry was accepted")
				}
				if seq >= top && (!accepts(f, visitorEntry(h, seq)) || !fresh(f, h, seq) || f.suspect(&h, seq)) {
					rt.Error("an entry newer than every change was refused")
				}
			},
			"": func(rt *rapid.T) {
				if f.size.Load() > int64(f.limit*shardCount) {
					rt.Error("the fence grew beyond its bound")
				}
			},
		})
	})
}

// TestAcceptOfManyInOneShard takes each lock once.
func TestAcceptOfManyInOneShard(t *testing.T) {
	f := newFence(1024, time.Hour, 0)
	var many []Entry
	for i := range 200 {
		e := visitorEntry(event.Handle{0: byte(i), 1: 1}, 5)
		e.known = i%2 == 0
		many = append(many, e)
	}
	if !accepts(f, many...) {
		t.Error("fresh entries were refused")
	}
	f.raise(many[77].Handles.Consent, 6, time.Now()) // would hang if a lock were kept
	if accepts(f, many...) {
		t.Error("one stale entry among many was accepted")
	}
	panicked := func() (v any) {
		defer func() { v = recover() }()
		_ = f.accept(many[:1], func() error { panic("put") })
		return nil
	}()
	if panicked == nil {
		t.Error("the panic of put was swallowed")
	}
	f.raise(many[0].Handles.Consent, 7, time.Now()) // nor after a panic
}
