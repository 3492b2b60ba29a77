package writer

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"zgoda/spool"
)

// TestTable: a table is a map, whatever is added and removed, also around its end.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, model := table{limit: 700}, map[id]turn{}
		// Few homes: long runs, and some of them around the end.
		homes := rapid.SampledFrom([]uint64{1, 1 << 62, ^uint64(0) - 5, ^uint64(0)})
		for i, n := range rapid.SliceOfN(rapid.IntRange(0, 9), 0, 900).Draw(t, "steps") {
			k := id{max(1, homes.Draw(t, "home")), uint32(rapid.IntRange(0, 40).Draw(t, "id"))}
			_, known := model[k]
			switch {
			case n < 6 && !known && len(model) < 700:
				tab.add(k, turn(i))
				model[k] = turn(i)
			case n >= 6:
				tab.remove(k)
				delete(model, k)
			}
		}
		if tab.used != len(model) {
			t.Fatalf("%d of %d", tab.used, len(model))
		}
		for k, by := range model {
			if at := tab.find(k); at == nil || at.turn != by {
				t.Fatalf("%v is not there", k)
			}
		}
		if tab.find(id{2, 99}) != nil {
			t.Fatal("found what is not there")
		}
	})
}

// TestSeenMemory: an id costs one slot of 16 bytes and a third of one that is free.
func TestSeenMemory(t *testing.T) {
	if size := unsafe.Sizeof(slot{}); size != 16 {
		t.Fatalf("a slot has %d bytes", size)
	}
	now := time.Now()
	s := newSeen(time.Hour, 200_000, now)
	for i := range 400_000 {
		s.add(s.idOf("s", fmt.Sprint(i)), 1, now)
	}
	if most := 200_000*4/3 + 2*smallest; len(s.young.slots)+len(s.old.slots) > most || s.size() > 200_000 {
		t.Fatalf("%d and %d slots for %d ids", len(s.young.slots), len(s.old.slots), s.size())
	}
	b := &batch{}
	records := make([][]byte, 1000)
	for i := range records {
		records[i] = encoded(fmt.Sprint("batch", i), "")
	}
	raw := spool.Batch{Records: records}
	c := newClaims(s)
	b.decode(raw, s)
	c.enter(b)
	c.leave(b)
	// A channel and the room for it: nothing for each record.
	if n := testing.AllocsPerRun(10, func() {
		b.decode(raw, s)
		c.enter(b)
		c.leave(b)
		_ = b.rows()
	}); n > 5 {
		t.Fatalf("%v allocations for a batch of %d", n, len(records))
	}
}

// TestWindow: how far back the window reaches is what the metric says.
func TestWindow(t *testing.T) {
	start := time.Now()
	s := newSeen(time.Hour, 100, start)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	for i := range 60 { // the young generation is full after 50
		s.add(s.idOf("s", fmt.Sprint(i)), 1, at(i))
	}
	if !s.from.Equal(start) || s.find(s.idOf("s", "0")) == nil {
		t.Fatalf("from %v", s.from.Sub(start))
	}
	for i := 60; i < 110; i++ {
		s.add(s.idOf("s", fmt.Sprint(i)), 1, at(i))
	}
	if !s.from.Equal(at(50)) || s.find(s.idOf("s", "49")) != nil || s.find(s.idOf("s", "50")) == nil {
		t.Fatalf("from %v", s.from.Sub(start))
	}
	s.add(s.idOf("s", "late"), 1, at(200)) // what is older than the window goes by time
	if !s.from.Equal(at(100)) {
		t.Fatalf("from %v", s.from.Sub(start))
	}
}

// row makes a batch of one row for each id.
func rowsOfIDs(c *claims, ids ...string) *batch {
	b := &batch{}
	for _, name := range ids {
		b.raw.Records = append(b.raw.Records, encoded(name, ""))
	}
	b.decode(b.raw, c.seen)
	c.enter(b)
	return b
}

// TestClaimsPassOn: an id goes from range to range in order, and one that comes
// meanwhile waits behind them.
func TestClaimsPassOn(t *testing.T) {
	c := newClaims(newSeen(time.Hour, 1000, time.Now()))
	k := c.id("shop", "x")
	first, second, third := rowsOfIDs(c, "x", "a"), rowsOfIDs(c, "x", "x"), rowsOfIDs(c, "x")
	if len(first.of) != 2 || len(second.of) != 0 || len(third.of) != 0 {
		t.Fatal("claimed twice")
	}
	c.forget(k)
	late := rowsOfIDs(c, "x")
	if revived, _ := c.revive(third); revived || len(late.of) != 0 {
		t.Fatal("out of order")
	}
	if revived, _ := c.revive(second); !revived || len(second.of) != 1 || second.of[0] != 0 {
		t.Fatalf("rows %v", second.of)
	}
	c.forget(k)
	if revived, waits := c.revive(second); !revived || waits || len(second.of) != 2 {
		t.Fatalf("its own copy: rows %v", second.of)
	}
	for _, b := range []*batch{first, second} { // stored this time
		c.leave(b)
	}
	if revived, waits := c.revive(third); revived || !waits {
		t.Fatal("the id is stored")
	}
	c.leave(third)
	c.leave(late)
	if n := len(c.waiting); n != 0 {
		t.Fatalf("%d ids are still waited for", n)
	}
	if again := rowsOfIDs(c, "x"); len(again.of)+len(again.copies) != 0 {
		t.Fatal("a duplicate of what is released waits")
	}
}

// TestManyCopies: a range of one id over and over takes no time to speak of.
func TestManyCopies(t *testing.T) {
	c := newClaims(newSeen(time.Hour, 1000, time.Now()))
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = "same"
	}
	first, second := rowsOfIDs(c, ids...), rowsOfIDs(c, ids...)
	if len(first.of) != 1 || len(second.of) != 0 {
		t.Fatal("claimed twice")
	}
	c.leave(first)
	c.leave(second)
	if len(c.waiting) != 0 {
		t.Fatal("still waited for")
	}
}

func TestSizeFollowsTheStore(t *testing.T) {
	s := newSize(100_000, time.Second, 5*time.Second)
	s.shrink(80_000)
	s.shrink(80_000)
	if s.rows() != 40_000 {
		t.Fatal(s.rows())
	}
	for range 20 {
		s.shrink(s.rows())
	}
	if s.rows() != fewest {
		t.Fatal(s.rows())
	}
	for range 100 * growAfter {
		s.stored()
	}
	if s.rows() != 100_000 {
		t.Fatal(s.rows())
	}
	if tiny := newSize(8, 0, 0); tiny.rows() != 8 {
		t.Fatal(tiny.rows())
	}
}

// TestGathering: while events come fast they gather longer, and no longer at once
// when they do not.
func TestGathering(t *testing.T) {
	s := newSize(100_000, time.Second, 5*time.Second)
	for _, step := range []struct {
		rows int
		want time.Duration
	}{{0, 1}, {100, 1}, {20_000, 2}, {40_000, 4}, {80_000, 5}, {90_000, 5}, {100, 1}} {
		if step.rows > 0 {
			s.gathered(step.rows)
		}
		if _, got := s.gather(); got != step.want*time.Second {
			t.Fatalf("after %d: %v, want %v", step.rows, got, step.want)
		}
	}
}
