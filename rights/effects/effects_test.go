package effects_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/rights"
	"zgoda/rights/effects"
	"zgoda/rights/reach"
)

// cells are what a right does to one person, by the columns of the table in
// docs/rights.md.
type cells struct {
	Collection string // the scope, and the purposes that an event is stored under
	Visible    uint64 // rows that are shown: dashboards are made of them
	Segments   uint64 // rows that segments are made of
	Decisions  uint64 // rows that machines decide by
	Export     uint64 // rows that the person is given
	Marketing  bool   // in an export for marketing, and in the list of consents to it
	Profiling  bool
	Asked      bool // by mail, when the consent to marketing ends
}

// look fills the cells in.
func (w *world) look(n int) (c cells) {
	w.t.Helper()
	r, err := w.set.Record(w.t.Context(), shop, handle("consent", n))
	if err != nil {
		w.t.Fatal(err)
	}
	d := consent.Decide(policy, &consent.Signals{}, consent.Subject{Contact: &r, Server: true, Speaks: consent.SpeaksForContact, Today: consent.DayOf(time.Now())})
	permit, ok := d.Permit(consent.Identities{Contact: event.Handles{Consent: handle("consent", n), Profiling: handle("profiling", n), Analytics: handle("analytics", n), Period: 202611, Version: 1}})
	c.Collection = "dropped{" + string(r.State.String()) + "}"
	if ok {
		c.Collection = permit.Scope().String()
		for i := range policy.Purposes {
			if permit.Purposes().Has(policy.Purposes[i].Bit) {
				c.Collection += " " + string(policy.Purposes[i].ID)
			}
		}
	}
	c.Visible, c.Segments, c.Decisions, c.Export = w.count("visible_events", n), w.count("profiled_events", n), w.count("decidable_events", n), w.count("events", n)
	c.Marketing = d.Verdict(bitMarketing).Outcome == consent.Allow
	c.Profiling = d.Verdict(bitProfiling).Outcome == consent.Allow
	c.Asked = r.State == consent.StateActive && !r.Purposes[bitMarketing].Choice.Refuses()
	return c
}

// open opens a request about somebody, which must be complete at once.
func (w *world) open(n int, right control.Right, scope ...event.PurposeID) control.Request {
	w.t.Helper()
	r, err := w.rights.Open(w.t.Context(), rights.Opening{
		Site: shop, Right: right, Scope: scope, Who: rights.Who{Kind: event.KindUserID, Value: fmt.Sprint(n)}, Origin: "letter", Proof: "operator",
		Actor: "ana", Reason: "letter 7", Known: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// pinged waits for the engine to answer.
func (w *world) pinged() {
	w.t.Helper()
	late := time.Now().Add(20 * time.Second)
	for {
		err := w.rows.Ping(w.t.Context())
		if err == nil {
			return
		}
		if time.Now().After(late) {
			w.t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *world) done(n int, right control.Right, scope ...event.PurposeID) {
	w.t.Helper()
	if r := w.open(n, right, scope...); r.State != control.RequestComplete {
		w.t.Fatalf("the request is %s: %s", r.State, r.Error)
	}
}

const everything = "person measurement analytics profiling marketing advice orders reach"

// asBefore are the cells of whom nothing was asked about.
var asBefore = cells{Collection: everything, Visible: 4, Segments: 2, Decisions: 2, Export: 4, Marketing: true, Profiling: true, Asked: true}

// effect is a row of the table: what is done, and which cells are others then.
type effect struct {
	name string
	do   func(w *world, n int)
	want func(c *cells)
}

var table = []effect{
	{"nothing", func(*world, int) {}, func(*cells) {}},
	{"restrict", func(w *world, n int) { w.done(n, control.RightRestriction) }, func(c *cells) {
		*c = cells{Collection: "dropped{restricted}", Export: 4}
	}},
	{"unrestrict", func(w *world, n int) {
		w.done(n, control.RightRestriction)
		w.said(w.effects.Unrestrict(w.t.Context(), shop, handle("consent", n), "ana", "told on Monday"))
	}, func(*cells) {}},
	{"object to marketing", func(w *world, n int) { w.done(n, control.RightObjection, "marketing") }, func(c *cells) {
		c.Collection = "person measurement analytics profiling advice orders reach"
		c.Segments, c.Marketing, c.Asked = 0, false, false
	}},
	{"object to an interest", func(w *world, n int) { w.done(n, control.RightObjection, "reach") }, func(c *cells) {
		c.Collection = "person measurement analytics profiling marketing advice orders"
		c.Visible, c.Export = 3, 3 // the row of that purpose alone goes
	}},
	{"object to all that may be", func(w *world, n int) { w.done(n, control.RightObjection) }, func(c *cells) {
		c.Collection = "person analytics profiling advice orders" // what a contract needs goes on
		c.Visible, c.Export, c.Segments, c.Marketing, c.Asked = 3, 3, 0, false, false
	}},
	{"automated off", func(w *world, n int) { w.done(n, control.RightAutomated) }, func(c *cells) { c.Decisions = 0 }},
	{"automated on", func(w *world, n int) {
		w.done(n, control.RightAutomated)
		w.said(w.effects.AllowAutomated(w.t.Context(), shop, handle("consent", n), "ana", "asked for it"))
	}, func(*cells) {}},
	{"profiling off", func(w *world, n int) { w.write(w.entry(n, ledger.StateProfilingOff)) }, func(c *cells) {
		c.Collection = "period measurement analytics marketing orders reach"
		c.Visible, c.Segments, c.Decisions, c.Export, c.Profiling = 2, 0, 0, 2, false
	}},
	{"withdrawal", func(w *world, n int) { w.done(n, control.RightWithdrawal, "analytics") }, func(c *cells) {
		c.Collection = "person measurement profiling marketing advice orders reach"
		c.Visible, c.Export = 3, 3
	}},
	{"withdrawal of profiling", func(w *world, n int) { w.done(n, control.RightWithdrawal, "profiling", "advice") }, func(c *cells) {
		c.Collection = "period measurement analytics marketing orders reach"
		c.Visible, c.Segments, c.Decisions, c.Export, c.Profiling = 2, 0, 0, 2, false
	}},
	{"withdrawal of all", func(w *world, n int) { w.done(n, control.RightWithdrawal) }, func(c *cells) {
		*c = cells{Collection: "period measurement orders reach", Visible: 1, Export: 1}
	}},
}

// said fails where nothing could be written.
func (w *world) said(_ event.Sequence, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// met meets one more person, with rows of several purposes.
func (w *world) met(at time.Time) int {
	w.t.Helper()
	n := w.people + 1
	id := func(i int) string { return fmt.Sprintf("row-%d-%d", n, i) }
	return w.meet(
		rowOf(handle("profiling", n), id(0), event.ScopePerson, at, bitMeasurement, bitAnalytics, bitProfiling, bitMarketing, bitOrders, bitReach),
		rowOf(handle("profiling", n), id(1), event.ScopePerson, at, bitMeasurement, bitProfiling, bitOrders),
		rowOf(handle("analytics", n), id(2), event.ScopePeriod, at, bitMeasurement, bitAnalytics, bitOrders),
		rowOf(handle("analytics", n), id(3), event.ScopePeriod, at, bitMeasurement, bitReach, bitOrders),
	)
}

// lost is the loss of the table of who is hidden, which is then filled again. Until it
// is, nobody is shown.
func (w *world) lost(somebody int) {
	w.t.Helper()
	pid := w.room.PID()
	w.room.Kill()
	w.room.Restarted(w.t, pid, 20*time.Second)
	w.pinged()
	if c := w.look(somebody); c.Visible != 0 {
		w.t.Error("somebody is shown while nobody knows who is hidden")
	}
	if err := w.effects.Hider().Fill(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// compare compares a person's cells, one test each.
func (e *effect) compare(t *testing.T, got cells, again string) {
	t.Helper()
	want := asBefore
	e.want(&want)
	for name, same := range map[string]bool{
		"collection": got.Collection == want.Collection, "rows": got.Visible == want.Visible, "segments": got.Segments == want.Segments,
		"dashboards": got.Visible == want.Visible, "export": got.Export == want.Export, "marketing": got.Marketing == want.Marketing,
		"profiling": got.Profiling == want.Profiling, "automated": got.Decisions == want.Decisions, "mail": got.Asked == want.Asked,
	} {
		t.Run(e.name+"/"+name+again, func(t *testing.T) {
			if !same {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestEffects: each right has its effect, and no other, on each thing that is done
// with people. One test a cell.
func TestEffects(t *testing.T) {
	w := newWorld(t)
	w.policy = reach.Histories{ProfilingOff: "erase"}
	at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	people := make([]int, len(table))
	for i := range table {
		people[i] = w.met(at)
		if got := w.look(people[i]); got != asBefore {
			t.Fatalf("before: %+v", got)
		}
		table[i].do(w, people[i])
	}
	// What is hidden is so at once, before anything has gone.
	for i, name := range map[int]string{1: "restrict", 6: "automated off"} {
		if table[i].name != name {
			t.Fatal("the table has another order")
		}
		if c := w.look(people[i]); c.Decisions != 0 {
			t.Errorf("%s: it is seen until a batch has gone", name)
		}
	}
	w.reached(1)
	for _, again := range []string{"", " when the table was lost"} {
		if again != "" {
			w.lost(people[0])
		}
		for i := range table {
			table[i].compare(t, w.look(people[i]), again)
		}
	}
	if n := w.vault.cases(); n != 0 {
		t.Errorf("%d cases stay open", n)
	}
}

// TestEffectsThatCannotBe: each is refused with its class, and nothing of it is
// written.
func TestEffectsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	n := w.meet()
	at := w.store.Sequence()
	for scope, class := range map[event.PurposeID]string{"orders": effects.ClassContract, "nothing": effects.ClassPurpose} {
		if r := w.open(n, control.RightObjection, scope, "reach"); r.State != control.RequestFailed || r.Error != class {
			t.Errorf("%s: %s %s", scope, r.State, r.Error)
		}
	}
	if _, err := w.effects.Unrestrict(t.Context(), shop, handle("consent", n), "ana", "why"); !errors.Is(err, effects.ErrNotSo) {
		t.Error(err)
	}
	if w.store.Sequence() != at {
		t.Error("something was written")
	}
	testVisitorStaysHidden(t, w)
	w.write(w.entry(n, ledger.StateErased))
	if r := w.open(n, control.RightRestriction); r.State != control.RequestFailed || r.Error != effects.ClassErased {
		t.Errorf("of somebody who is erased: %s %s", r.State, r.Error)
	}
	if !slices.Contains(effects.Rights, control.RightAutomated) {
		t.Error("a right is performed by nobody")
	}
}

// testVisitorStaysHidden: a visitor that is restricted is so when the table is filled
// anew, although nobody finds it by its handle; once that is lifted its case is closed.
func testVisitorStaysHidden(t *testing.T, w *world) {
	t.Helper()
	n := w.people + 1
	w.meet(rowOf(handle("profiling", n), "of a visitor", event.ScopePerson, time.Now().UTC().Truncate(time.Millisecond), bitProfiling))
	w.vault.alone[n] = true
	before := w.vault.cases() // of requests that failed
	r, err := w.rights.Open(t.Context(), rights.Opening{
		Site: shop, Right: control.RightRestriction, Who: rights.Who{Kind: event.KindVisitor, Value: fmt.Sprint(n)}, Origin: "self", Proof: "cookie", Actor: "visitor", Reason: "asked on the page",
	})
	if err != nil || r.State != control.RequestComplete || !r.Visitor {
		t.Fatalf("%s %s, %v", r.State, r.Error, err)
	}
	for range 2 {
		if seen := w.count("visible_events", n); seen != 0 {
			t.Errorf("%d rows are seen", seen)
		}
		if err := w.effects.Hider().Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if w.vault.cases() != before+1 {
		t.Errorf("%d cases are open", w.vault.cases())
	}
	if _, err := w.effects.Unrestrict(t.Context(), shop, handle("consent", n), "ana", "told"); err != nil {
		t.Fatal(err)
	}
	if seen := w.count("visible_events", n); seen != 1 || w.vault.cases() != before {
		t.Errorf("%d rows are seen again, %d cases are open", seen, w.vault.cases())
	}
}
