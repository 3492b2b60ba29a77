package table

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"zgoda/pseudonym/keyring"
)

func index(n int) keyring.Index {
	return keyring.Index(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))))
}

func salt(n int) keyring.Salt {
	return keyring.Salt(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("salt"), uint64(n))))
}

func newTable(tb testing.TB, cfg Config) *Table {
	tb.Helper()
	t := New(cfg)
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Error(err)
		}
		if left := t.Stats(); left != (Stats{}) {
			tb.Errorf("left behind: %+v", left)
		}
	})
	return t
}

func add(tb testing.TB, t *Table, id int) Slot {
	tb.Helper()
	s, err := t.Add(int64(id), salt(id))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func lead(tb testing.TB, t *Table, n int, to Slot) {
	tb.Helper()
	if err := t.Lead(index(n), to); err != nil {
		tb.Fatal(err)
	}
}

// model is what a table should be.
type model struct {
	table    *Table
	leads    map[int]int  // identifier to number
	contacts map[int]Slot // number to place
	next     int
}

// contact draws somebody who is there.
func (m *model) contact(rt *rapid.T) int {
	ids := make([]int, 0, len(m.contacts))
	for id := range m.next {
		if _, there := m.contacts[id+1]; there {
			ids = append(ids, id+1)
		}
	}
	if len(ids) == 0 {
		rt.Skip("nobody is there")
	}
	return rapid.SampledFrom(ids).Draw(rt, "contact")
}

// identifier draws the numbers of identifiers.
var identifier = rapid.IntRange(0, 400)

func (m *model) add(t *testing.T, rt *rapid.T) {
	t.Helper()
	for range rapid.IntRange(1, 80).Draw(rt, "n") {
		m.next++
		m.contacts[m.next] = add(t, m.table, m.next)
	}
}

func (m *model) lead(t *testing.T, rt *rapid.T) {
	t.Helper()
	id := m.contact(rt)
	for _, n := range rapid.SliceOfN(identifier, 1, 60).Draw(rt, "n") {
		lead(t, m.table, n, m.contacts[id])
		m.leads[n] = id
	}
}

func (m *model) unlead(rt *rapid.T) {
	for _, n := range rapid.SliceOfN(identifier, 1, 60).Draw(rt, "n") {
		m.table.Unlead(index(n))
		delete(m.leads, n)
	}
}

func (m *model) redirect(rt *rapid.T) {
	from, to := m.contact(rt), m.contact(rt)
	m.table.Redirect(m.contacts[from], m.contacts[to])
	for n, id := range m.leads {
		if id == from {
			m.leads[n] = to
		}
	}
}

func (m *model) forget(rt *rapid.T) {
	one, two := m.contact(rt), m.contact(rt)
	m.table.Strip(m.contacts[one], m.contacts[two])
	for n, id := range m.leads {
		if id == one || id == two {
			delete(m.leads, n)
		}
	}
	for _, id := range []int{one, two} {
		m.table.Forget(m.contacts[id]) // the second time it does nothing
	}
	delete(m.contacts, one)
	delete(m.contacts, two)
}

func (m *model) stripButSome(rt *rapid.T) {
	one := m.contact(rt)
	var stay []keyring.Index
	for n := range 401 {
		if n%2 == 0 {
			stay = append(stay, index(n))
		} else if m.leads[n] == one {
			delete(m.leads, n)
		}
	}
	m.table.StripBut(stay, m.contacts[one])
}

// TestTableAgainstModel drives every change and compares. Few identifiers collide
// in the prefix's cells often, since a shard begins with few.
func TestTableAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := New(Config{Contacts: rapid.SampledFrom([]int{0, 50_000}).Draw(rt, "expected"), Identifiers: 50_000})
		defer func() {
			if err := table.Close(); err != nil {
				rt.Fatal(err)
			}
		}()
		m := &model{table: table, leads: map[int]int{}, contacts: map[int]Slot{}}
		rt.Repeat(map[string]func(*rapid.T){
			"add":            func(rt *rapid.T) { m.add(t, rt) },
			"lead":           func(rt *rapid.T) { m.lead(t, rt) },
			"unlead":         m.unlead,
			"redirect":       m.redirect,
			"forget":         m.forget,
			"strip but some": m.stripButSome,
			"":               m.check,
		})
	})
}

func (m *model) check(t *rapid.T) {
	for n := range 401 {
		id, known := m.leads[n]
		s, found := m.table.Find(index(n))
		got, ok := m.table.Salt(index(n))
		number, again, got2 := m.table.Get(index(n))
		if found != known || ok != known || got2 != known || again != got || number != int64(id) {
			t.Fatalf("identifier %d known %v, %v, want %v", n, found, ok, known)
		}
		if known && (got != salt(id) || s != m.contacts[id]) {
			t.Fatalf("identifier %d leads to another contact", n)
		}
	}
	seen := map[int64]bool{}
	m.table.Each(func(id int64, has keyring.Salt) bool {
		if seen[id] || has != salt(int(id)) {
			t.Fatal("a contact twice, or with another's salt")
		}
		seen[id] = true
		return true
	})
	for id := 1; id <= m.next; id++ {
		want, there := m.contacts[id]
		s, found := m.table.ByID(int64(id))
		if found != there || seen[int64(id)] != there || there && s != want {
			t.Fatalf("contact %d found %v, want %v", id, found, there)
		}
		if there {
			if number, has := m.table.At(s); number != int64(id) || has != salt(id) {
				t.Fatal("another contact is in the place")
			}
		}
	}
	if s := m.table.Stats(); s.Contacts != len(m.contacts) || s.Identifiers != len(m.leads) {
		t.Fatalf("%+v, want %d and %d", s, len(m.contacts), len(m.leads))
	}
}

func TestForgottenSaltsAreOverwritten(t *testing.T) {
	table := newTable(t, Config{})
	slot := add(t, table, 1)
	add(t, table, 2)
	lead(t, table, 1, slot)
	table.Strip(slot)
	table.Forget(slot)
	secret := salt(1)
	for _, chunk := range *table.places.chunks.Load() {
		for at := range len(chunk) - 8 {
			if string(chunk[at:at+8]) == string(secret[:8]) {
				t.Fatal("the salt is still there")
			}
		}
	}
	if again := add(t, table, 3); again != slot {
		t.Error("the place is not used again")
	}
	if _, known := table.Salt(index(1)); known {
		t.Error("an identifier of a forgotten contact leads to the next one")
	}
}

// Indexes of one beginning, as no keyed hash makes them, do not fall on each other.
func TestLookalikes(t *testing.T) {
	table := newTable(t, Config{})
	look := func(n int) (i keyring.Index) {
		copy(i[:], fmt.Sprintf("index-%08d-of-thirty-two-bytes!", n))
		return i
	}
	for n := range 5000 {
		s := add(t, table, n+1)
		if err := table.Lead(look(n), s); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5000 {
		if got, known := table.Salt(look(n)); !known || got != salt(n+1) {
			t.Fatalf("identifier %d", n)
		}
	}
	used := 0
	for i := range table.shards {
		if table.shards[i].n > 0 {
			used++
		}
	}
	if used < shardCount*9/10 {
		t.Errorf("%d shards are used", used)
	}
}

func TestClosed(t *testing.T) {
	table := newTable(t, Config{Contacts: 10, Identifiers: 10, Lock: true})
	s := add(t, table, 1)
	lead(t, table, 1, s)
	for range 2 {
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, known := table.Salt(index(1)); known {
		t.Error("found after the end")
	}
	if _, known := table.ByID(1); known {
		t.Error("a contact after the end")
	}
	if id, _ := table.At(s); id != 0 {
		t.Error("a place after the end")
	}
	table.Each(func(int64, keyring.Salt) bool { t.Error("a contact after the end"); return false })
	if _, err := table.Add(2, salt(2)); err == nil {
		t.Error("added after the end")
	}
}

// Whoever looks up while others are minted and forgotten sees the right salt or
// none.
func TestConcurrentUse(t *testing.T) {
	table := newTable(t, Config{})
	const steady = 500
	for n := range steady {
		lead(t, table, n, add(t, table, n+1))
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for n := 0; ; n = (n + 1) % (2 * steady) {
				select {
				case <-stop:
					return
				default:
				}
				if got, known := table.Salt(index(n)); known && got != salt(n+1) || !known && n < steady {
					t.Errorf("identifier %d known %v", n, known)
					return
				}
			}
		})
	}
	readers.Go(func() {
		for seen := 0; ; seen = 0 {
			table.Each(func(id int64, has keyring.Salt) bool { seen++; return has == salt(int(id)) })
			if seen < steady {
				t.Errorf("%d contacts", seen)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 3 {
		for n := steady; n < 2*steady; n++ {
			lead(t, table, n, add(t, table, n+1))
		}
		for n := steady; n < 2*steady; n++ {
			s, _ := table.Find(index(n))
			table.Unlead(index(n))
			table.Forget(s)
		}
	}
	close(stop)
	readers.Wait()
}

func TestSaltAllocatesNothing(t *testing.T) {
	table := newTable(t, Config{})
	lead(t, table, 1, add(t, table, 1))
	known, unknown := index(1), index(2)
	if n := testing.AllocsPerRun(100, func() {
		table.Salt(known)
		table.Salt(unknown)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTablePrintsRedacted(t *testing.T) {
	table := newTable(t, Config{})
	lead(t, table, 1, add(t, table, 1))
	if got := fmt.Sprintf("%v %+v %#v %s", table, table, table, table); got != "[redacted] [redacted] [redacted] [redacted]" {
		t.Error(got)
	}
	if table.LogValue().String() != "[redacted]" {
		t.Error("logged")
	}
}

func TestSeen(t *testing.T) {
	table := newTable(t, Config{})
	one, two := add(t, table, 1), add(t, table, 2)
	lead(t, table, 10, one)
	lead(t, table, 11, one)
	tests := []struct {
		index int
		day   uint32
		id    int64 // 0: nothing to be noted
		noted uint32
	}{
		{10, 20000, 1, 20000},
		{11, 20006, 0, 20000},
		{11, 20007, 1, 20007},
		{10, 19000, 0, 20007}, // a clock that was set back
		{12, 30000, 0, 20007}, // nobody
	}
	for _, test := range tests {
		if id, news := table.See(index(test.index), test.day); id != test.id || news != (test.id != 0) {
			t.Errorf("day %d: contact %d, %v", test.day, id, news)
		}
		if got := table.Seen(one); got != test.noted {
			t.Errorf("day %d: noted is %d", test.day, got)
		}
	}
	table.SetSeen(two, 7)
	if table.Seen(two) != 7 || table.Seen(99) != 0 {
		t.Error("another day than was set")
	}
	table.Forget(two)
	if again := add(t, table, 3); again != two || table.Seen(again) != 0 {
		t.Error("a contact has the day of who was in its place before")
	}
}
