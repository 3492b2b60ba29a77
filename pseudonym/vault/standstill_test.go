package vault

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/pseudonym/standstill"
)

// boards are those of two keyholders over one database.
type boards struct {
	t    *testing.T
	a, b *Standstill
}

func twoBoards(t *testing.T) boards {
	t.Helper()
	cfg := Config{Address: pgtest.Start(t).Database(t)}
	var both [2]*Standstill
	for i := range both {
		s, err := OpenShelf(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		both[i] = s.Standstill()
	}
	return boards{t, both[0], both[1]}
}

// keys is the revision that both have.
const keys = 1 << 63 // as large as revisions are

func (b boards) ready(s *Standstill, name string, held bool, revision uint64) (hold bool) {
	b.t.Helper()
	hold, err := s.Ready(b.t.Context(), "cert:"+name, name, held, revision)
	if err != nil {
		b.t.Fatal(err)
	}
	return hold
}

func (b boards) holds(s *Standstill, name string, revision uint64, want bool) {
	b.t.Helper()
	held, until, err := s.Lease(b.t.Context(), name, revision)
	if left := time.Until(until); err != nil || held != want || held && (left > standstill.Life || left < standstill.Life-10*time.Second) {
		b.t.Fatalf("%s holds the lease: %t, for %s, %v; waiting for %v", name, held, left, err, b.waits())
	}
}

func (b boards) waits() []string {
	b.t.Helper()
	names, err := b.b.Waits(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func (b boards) nodes() []string {
	b.t.Helper()
	names, err := b.b.Nodes(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func (b boards) set(statement string, args ...any) {
	b.t.Helper()
	if _, err := b.a.db.ExecContext(b.t.Context(), statement, args...); err != nil {
		b.t.Fatal(err)
	}
}

// TestStandstillOfTwoKeyholders: a lease that is taken at one keyholder is held when
// the gateways of the other have said there that they hold since.
func TestStandstillOfTwoKeyholders(t *testing.T) {
	b := twoBoards(t)
	if b.ready(b.a, "one", false, keys) || b.ready(b.b, "two", true, keys) {
		t.Fatal("told to hold without a lease")
	}
	if b.waits() != nil {
		t.Fatalf("waits for %v", b.waits())
	}
	for range 2 { // what was said for one lease does not count for the next
		b.holds(b.a, "one", keys, false)
		if b.ready(b.a, "one", false, keys) || !slices.Equal(b.waits(), []string{"two"}) {
			t.Fatalf("waits for %v", b.waits())
		}
		if !b.ready(b.b, "two", true, keys) {
			t.Fatal("not told to hold")
		}
		b.holds(b.a, "one", keys, false) // it could not know yet
		b.ready(b.b, "two", true, keys)
		b.holds(b.a, "one", keys, true)
		b.ready(b.b, "two", false, keys) // it went on by itself
		b.holds(b.a, "one", keys, false)
		b.ready(b.b, "two", true, keys)
		b.holds(b.a, "one", keys, true)
		b.holds(b.b, "one", keys, true) // its keyholder has ended: it goes to the other
		if err := b.b.Release(t.Context(), "two"); err != nil || !b.ready(b.b, "two", true, keys) {
			t.Fatal("the lease was given up by another", err)
		}
		if err := b.b.Release(t.Context(), "one"); err != nil || b.ready(b.b, "two", true, keys) || b.waits() != nil {
			t.Fatal("told to hold after the release", err)
		}
	}
	if got := b.nodes(); !slices.Equal(got, []string{"one", "two"}) {
		t.Error(got)
	}
}

// TestStandstillUnderOneRevision: a gateway whose keyholder has not taken the keys over
// holds, and its word does not count; nor does what it said before they changed.
func TestStandstillUnderOneRevision(t *testing.T) {
	b := twoBoards(t)
	b.ready(b.b, "two", false, keys)
	b.holds(b.a, "one", keys+1, false)
	for range 3 {
		if !b.ready(b.b, "two", true, keys) {
			t.Fatal("not told to hold")
		}
		b.holds(b.a, "one", keys+1, false)
	}
	for range 2 {
		b.ready(b.b, "two", true, keys+1)
	}
	b.holds(b.a, "one", keys+1, true)
	b.holds(b.a, "one", keys+2, false) // the keys have changed meanwhile
	for range 2 {
		b.ready(b.b, "two", true, keys+2)
	}
	b.holds(b.a, "one", keys+2, true)
	if !b.ready(b.b, "two", true, keys+3) {
		t.Fatal("let go while another rewrites")
	}
	b.holds(b.a, "one", keys+2, false)
}

// TestStandstillEnds: a lease ends with who held it, and another leads then; a gateway
// that is heard of no more is waited for for a day only.
func TestStandstillEnds(t *testing.T) {
	b := twoBoards(t)
	b.ready(b.b, "gone", false, keys)
	b.holds(b.a, "one", keys, false)
	b.set("UPDATE gateways SET heard = heard - make_interval(secs => $1)", standstill.Known.Seconds()-10)
	b.holds(b.a, "one", keys, false)
	b.set("UPDATE gateways SET heard = heard - interval '11 seconds'")
	b.holds(b.a, "one", keys, true)
	if b.nodes() != nil {
		t.Error(b.nodes())
	}
	held, until, err := b.b.Lease(t.Context(), "two", keys)
	if left := time.Until(until); held || err != nil || left <= 0 || left > standstill.Life {
		t.Errorf("two leads: %t, %s, %v", held, left, err)
	}
	b.set("UPDATE lease SET until = until - make_interval(secs => $1)", standstill.Life.Seconds())
	if b.ready(b.b, "two", true, keys) {
		t.Error("told to hold after the lease")
	}
	b.holds(b.b, "two", keys, false) // one may go from one part of its work to another
	b.set("UPDATE lease SET until = until - make_interval(secs => $1)", standstill.Again.Seconds())
	b.holds(b.b, "two", keys, true)
}

// TestStandstillOfMadeUpNames: one credential speaks for so many gateways and no more,
// and for no other's.
func TestStandstillOfMadeUpNames(t *testing.T) {
	b := twoBoards(t)
	b.ready(b.a, "one", false, keys)
	for i := range 2 * standstill.MaxNames {
		if _, err := b.b.Ready(t.Context(), "cert:thief", "made up "+strconv.Itoa(i), false, keys); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(b.nodes()); n != 1+standstill.MaxNames {
		t.Errorf("%d names", n)
	}
	b.holds(b.a, "leader", keys, false)
	for range 2 {
		if _, err := b.b.Ready(t.Context(), "cert:thief", "one", true, keys); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(b.waits(), "one") {
		t.Error("another's word counts")
	}
}
