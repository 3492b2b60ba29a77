package standstill_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"zgoda/pseudonym/standstill"
)

// by is whose credential the gateways of a test have, where it does not matter.
const by = "socket:1000"

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time        { return c.at }
func (c *clock) pass(of time.Duration) { c.at = c.at.Add(of) }

// running is a board some time after its start.
func running() (*standstill.Board, *clock) {
	c := &clock{time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	b := standstill.New(c.now)
	c.pass(standstill.Settle)
	return b, c
}

func holds(t *testing.T, b *standstill.Board, name string, want bool) {
	t.Helper()
	if held, _ := b.Lease(name); held != want {
		t.Fatalf("%s holds the lease: %t, waiting for %v", name, held, b.Waits())
	}
}

// TestLease: the lease is held when every other gateway has said that it holds since.
func TestLease(t *testing.T) {
	b, c := running()
	if b.Ready(by, "one", false) || b.Ready(by, "two", true) || b.Ready(by, "", false) {
		t.Fatal("told to hold without a lease")
	}
	c.pass(time.Second)
	holds(t, b, "one", false)
	if b.Ready(by, "one", false) || b.Ready(by, "", true) || !slices.Equal(b.Waits(), []string{"two"}) {
		t.Fatalf("waits for %v", b.Waits()) // two held before, for something else
	}
	if !b.Ready(by, "two", true) {
		t.Fatal("not told to hold")
	}
	holds(t, b, "one", false) // it could not know yet
	b.Ready(by, "two", true)
	holds(t, b, "one", true)
	b.Ready(by, "two", false) // it went on by itself, or began anew
	holds(t, b, "one", false)
	b.Ready(by, "two", true)
	holds(t, b, "one", true)
	b.Release("one")
	if b.Ready(by, "two", true) || b.Waits() != nil {
		t.Fatal("told to hold after the release")
	}
}

// TestNextLease: what was said for one lease does not count for the next.
func TestNextLease(t *testing.T) {
	b, c := running()
	for range 2 {
		b.Lease("one")
		b.Ready(by, "two", true)
		holds(t, b, "one", false)
		b.Ready(by, "two", true)
		holds(t, b, "one", true)
		b.Release("one")
		c.pass(time.Second)
		if b.Ready(by, "two", true) {
			t.Fatal("told to hold after the release")
		}
	}
}

// TestAnotherLeads: a second gateway leads when the first has gone for good, and
// not between two leases of the first.
func TestAnotherLeads(t *testing.T) {
	b, c := running()
	holds(t, b, "one", true) // nobody is there
	holds(t, b, "two", false)
	b.Release("two") // not its own
	if !b.Ready(by, "two", true) {
		t.Fatal("the lease was given up by another")
	}
	b.Release("one")
	holds(t, b, "two", false)
	holds(t, b, "one", false) // two is there, and held before
	b.Ready(by, "two", true)
	b.Ready(by, "two", true)
	holds(t, b, "one", true)
	c.pass(standstill.Life) // one has died
	if b.Ready(by, "two", true) {
		t.Fatal("told to hold after the lease")
	}
	holds(t, b, "two", false)
	c.pass(standstill.Again)
	b.Lease("two")
	b.Ready(by, "two", true)
	holds(t, b, "two", true)
}

// TestGone: a gateway that is heard of no more is waited for, and for a day only.
func TestGone(t *testing.T) {
	b, c := running()
	b.Ready(by, "gone", false)
	c.pass(standstill.Known)
	holds(t, b, "one", false)
	if !slices.Equal(b.Nodes(), []string{"gone"}) {
		t.Fatal(b.Nodes())
	}
	c.pass(time.Second)
	holds(t, b, "one", true)
	if b.Nodes() != nil {
		t.Fatal(b.Nodes())
	}
}

// TestStart: a keyholder that has just begun does not know yet who is there.
func TestStart(t *testing.T) {
	c := &clock{time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	b := standstill.New(c.now)
	holds(t, b, "one", false)
	c.pass(standstill.Settle)
	holds(t, b, "one", true)
}

// TestManyNames: names that nobody has any more take no memory.
func TestManyNames(t *testing.T) {
	b, c := running()
	for i := range 5000 {
		b.Ready(by, time.Duration(i).String(), false)
		if i%1000 == 999 {
			c.pass(standstill.Known + time.Second)
		}
	}
	if n := len(b.Nodes()); n != 0 {
		t.Fatal(n)
	}
}

// TestMadeUpNames: who has one credential makes up so many names and no more, and
// neither speaks for another's gateways nor drives them out.
func TestMadeUpNames(t *testing.T) {
	b, c := running()
	b.Ready("cert:gate-1", "one", false)
	b.Ready("cert:gate-2", "two", false)
	for i := range 3 * standstill.MaxNames {
		c.pass(time.Millisecond)
		b.Ready("cert:gate-2", "made up "+strconv.Itoa(i), false)
	}
	if n := len(b.Nodes()); n != 1+standstill.MaxNames {
		t.Fatalf("%d names", n)
	}
	if !b.Ready("cert:gate-2", "two", false) && slices.Contains(b.Nodes(), "one") && slices.Contains(b.Nodes(), "two") {
		holds(t, b, "leader", false)
	} else {
		t.Fatal(b.Nodes())
	}
	b.Ready("cert:gate-2", "one", true)
	b.Ready("cert:gate-2", "one", true) // by its word alone
	if !slices.Contains(b.Waits(), "one") {
		t.Fatal("another's word counts")
	}
}
