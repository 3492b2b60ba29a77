package subjects

import (
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/control"
	"zgoda/event"
)

// tableAt is the time of the tests of the table.
var tableAt = moment{month: monthOf(202611), into: int64(time.Hour)}

func newTable(limit int64, shards int) *table {
	t := &table{}
	t.init(limit, newMetrics().evictions)
	t.shards = make([]tableShard, shards)
	return t
}

// version puts the version of a person into a table: everything in it, down to
// the record and the contacts, tells whose it is and which version.
func (t *table) version(id Identity, version byte) {
	c := cell{h1: id.H1, kind: id.Kind | known, site: 1, month: tableAt.month, until: 1 << 31, sequence: event.Sequence(version) + 1}
	h := versioned(id, version)
	c.setHandles(&h)
	var found control.Found
	found.Record.Sequence, found.Record.Purposes[0].Version = c.sequence, uint32(id.H1[30])<<8|uint32(version)
	if version%2 == 1 {
		found.Contacts = []event.Handle{h.Consent}
	}
	c.held, _ = t.held.of(&found, 0)
	t.put(&c, tableAt)
}

func versioned(id Identity, version byte) event.Handles {
	h := event.Handle(id.H1[16:])
	h[0] = version
	return event.Handles{Consent: h, Profiling: h, Analytics: h, Period: 202611, Version: event.KeyVersion(version)}
}

// whole says whether an entry is one version of the identity's person, from its
// first byte to its last.
func whole(id Identity, e *Entry) bool {
	version := byte(e.Handles.Version)
	contacts := e.Contacts()
	return e.h1 == id.H1 && e.kind == id.Kind && e.known && e.Handles == versioned(id, version) &&
		e.sequence == event.Sequence(version)+1 &&
		e.Record().Purposes[0].Version == uint32(id.H1[30])<<8|uint32(version) &&
		len(contacts) == int(version%2) && (len(contacts) == 0 || contacts[0] == e.Handles.Consent)
}

// sound fails when a place is lost, has two slots or none, or holds a number that
// is not counted.
func (t *table) sound(fail func(string, ...any)) {
	uses, cells := map[heldNumber]int{}, int64(0)
	for i := range t.shards {
		s := &t.shards[i]
		slots := 0
		for j := range s.slots {
			if s.slots[j].Load() != 0 {
				slots++
			}
		}
		if slots != int(s.count) {
			fail("%d slots for %d cells", slots, s.count)
		}
		for place := range s.count {
			c := s.cell(place)
			if j, found := s.find(cacheKey(&c.h1), c.site, &Identity{H1: c.h1, Kind: c.kind &^ known}); found != c || s.slots[j].place() != place {
				fail("place %d is not found", place)
			}
			uses[c.held]++
		}
		cells += int64(s.count)
	}
	if used := t.used.Load(); used != cells || used > t.limit {
		fail("%d cells, %d counted, of %d", cells, used, t.limit)
	}
	if n := t.held.inUse(); n != len(uses) {
		fail("%d numbers are in use, %d are held", n, len(uses))
	}
	for n, want := range uses {
		if got := t.held.place(n).uses; got != want {
			fail("number %d has %d uses, and is held %d times", n, got, want)
		}
	}
}

// TestTableAgainstModel: whatever is put, looked for and removed, who is found is
// who was asked for, as put last; no place is lost.
func TestTableAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := newTable(int64(rapid.IntRange(1, 40).Draw(rt, "limit")), 1<<rapid.IntRange(0, 2).Draw(rt, "shards"))
		latest := map[Identity]byte{}
		crowd := rapid.Custom(func(rt *rapid.T) Identity {
			id := visitor(strconv.Itoa(rapid.IntRange(0, 60).Draw(rt, "who")))
			if rapid.Bool().Draw(rt, "collides") { // the same first bytes, and so the same slot
				id.H1 = event.Blinded{30: id.H1[30], 31: id.H1[31]}
			}
			return id
		})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				id, version := crowd.Draw(rt, "id"), rapid.Byte().Draw(rt, "version")
				table.version(id, version)
				latest[id] = version
				var e Entry
				if !table.get(1, tableAt, &id, &e) {
					rt.Error("whoever was put last is not there")
				}
			},
			"get": func(rt *rapid.T) {
				id := crowd.Draw(rt, "id")
				var e Entry
				if table.get(1, tableAt, &id, &e) && (!whole(id, &e) || byte(e.Handles.Version) != latest[id]) {
					rt.Error("somebody else, or somebody of before")
				}
				id.Kind = event.KindEmail
				if table.get(1, tableAt, &id, &e) || table.get(2, tableAt, &id, &e) {
					rt.Error("another kind or site is answered")
				}
			},
			"remove": func(rt *rapid.T) {
				id := crowd.Draw(rt, "id")
				table.remove(1, &id)
				if table.get(1, tableAt, &id, new(Entry)) {
					rt.Error("whoever was removed is there")
				}
			},
			"": func(rt *rapid.T) { table.sound(rt.Fatalf) },
		})
		table.clear()
		table.sound(rt.Fatalf)
	})
}

// TestNobodyGetsAnothersEntry: while places are given to others all the time, who
// is found is who was asked for, whole.
func TestNobodyGetsAnothersEntry(t *testing.T) {
	table := newTable(100, 4)
	ids := many("v", 300)
	var work sync.WaitGroup
	for n := range 8 {
		work.Go(func() {
			var e Entry
			for i := range 30_000 {
				id := ids[(i*7+n*31+i/300)%len(ids)]
				if table.get(1, tableAt, &id, &e) && !whole(id, &e) {
					t.Errorf("somebody else's entry, or half of one: %+v", e.Handles)
					return
				}
				switch {
				case i%4 == n%4:
					table.version(id, byte(i))
				case i%997 == 0:
					table.remove(1, &id)
				}
			}
		})
	}
	work.Wait()
	table.sound(t.Fatalf)
	if n := table.used.Load(); n == 0 {
		t.Error("nobody is left")
	}
}

// TestHeldNumbersComeBack: however many people with records and contacts of their
// own come and go, no more numbers are given than there are cells.
func TestHeldNumbersComeBack(t *testing.T) {
	table := newTable(100, 2)
	for i := range 20_000 {
		table.version(visitor(strconv.Itoa(i)), byte(i))
	}
	table.sound(t.Fatalf)
	if n := table.held.next; n > 103 {
		t.Errorf("%d numbers for 100 cells", n)
	}
	if rows := *table.held.rows.Load(); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	table.clear()
	if n := table.held.inUse(); n != 0 || len(table.held.at) != 0 {
		t.Errorf("%d numbers are in use of an empty table, %d records shared", n, len(table.held.at))
	}
}

// TestTableHoldsNoPointers: the garbage collector does not look at a million cells.
func TestTableHoldsNoPointers(t *testing.T) {
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Struct:
			for field := range of.Fields() {
				look(field.Type)
			}
		case reflect.Array:
			look(of.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.String, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
			t.Errorf("%v is, or has, a pointer", of)
		default:
		}
	}
	look(reflect.TypeFor[cell]())
	look(reflect.TypeFor[slot]())
}

// TestTableKeepsWhomItIsAskedFor: a flood of people who come once does not wash
// away those who come again and again, and whose time is over goes first.
func TestTableKeepsWhomItIsAskedFor(t *testing.T) {
	table := newTable(1000, 1)
	regular, lost := many("regular", 100), 0
	var e Entry
	for round := range 200 {
		for _, id := range regular {
			if !table.get(1, tableAt, &id, &e) {
				table.version(id, 1)
				lost++
			}
		}
		for _, id := range many("flood"+strconv.Itoa(round)+"-", 200) {
			table.version(id, 2)
		}
	}
	if lost > 2*len(regular) {
		t.Errorf("%d people who come in each round were lost", lost)
	}
	if found := zipfHits(1.1, 200_000, tableHit(newTable(million/100, 4))); found < .7 {
		t.Errorf("with one in a hundred kept, %.3f of reads find theirs", found)
	}
}

func TestMonths(t *testing.T) {
	for _, p := range []event.Period{202611, 202612, 202701, 197001, 101} {
		if got := monthOf(p).period(); got != p {
			t.Errorf("%d became %d", p, got)
		}
	}
	for _, p := range []event.Period{0, 1, 202600, 202613, 202699, 1 << 31} {
		if monthOf(p) != 0 {
			t.Errorf("%d is no month", p)
		}
	}
	var c calendar
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for range 2 {
		if m := c.momentOf(end.Add(-1)); m.month.period() != 202611 || m.into != int64(30*24*time.Hour)-1 {
			t.Errorf("%+v", m)
		}
		if m := c.momentOf(end); m.month.period() != 202612 || m.into != 0 {
			t.Errorf("%+v", m)
		}
	}
}

// TestSetsGiveBackWhatTheyHold: when a set is closed nothing is left of it.
func TestSetsGiveBackWhatTheyHold(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Entries = 20 })
	v := visitor("v")
	w.link(&v, user("u"))
	w.load(many("v", 200)...)
	w.set.table.sound(t.Fatalf)
	if err := w.set.Close(); err != nil {
		t.Fatal(err)
	}
	w.set.table.sound(t.Fatalf)
	if n := w.set.Len(); n != 0 || w.set.table.held.inUse() != 0 {
		t.Errorf("%d entries, %d records", n, w.set.table.held.inUse())
	}
}
