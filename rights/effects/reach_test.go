package effects_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/record"
	"zgoda/rights/reach"
)

// drawn is one person of the model: what they did, and what they withdrew.
type drawn struct {
	n       int
	bit     uint8 // that was withdrawn
	off     bool  // profiling was switched off instead
	again   bool  // and agreed to again
	at      time.Time
	linked  [2]time.Time // when the visitor was theirs; no end: it still is
	rows    []record.Record
	visitor []record.Record
}

// left is what the model leaves of a row: its purposes; false: it goes.
func (d *drawn) left(r *record.Record) (event.PurposeSet, bool) {
	bits := []uint8{d.bit}
	if d.off {
		bits = []uint8{bitProfiling, bitAdvice}
	}
	rest := r.Purposes
	for _, b := range bits {
		rest &^= event.PurposeSet(0).With(b)
	}
	if rest == r.Purposes {
		return rest, true // it did not rest on it
	}
	holds := func(bits ...uint8) bool {
		return slices.ContainsFunc(bits, rest.Has)
	}
	switch {
	case rest == 0:
		return rest, false
	case r.Scope == event.ScopePerson:
		return rest, holds(bitProfiling, bitAdvice)
	default:
		return rest, holds(bitAnalytics, bitReach)
	}
}

// TestWithdrawalReachesExactly: of people with rows of all kinds, of themselves and of
// browsers that were theirs for a time, a withdrawal takes what rests on it and
// nothing else, whatever was agreed to again.
func TestWithdrawalReachesExactly(t *testing.T) {
	w := newWorld(t)
	w.policy = reach.Histories{ProfilingOff: "erase"}
	draw := rand.New(rand.NewPCG(6, uint64(time.Now().UnixNano())))
	hour := time.Now().UTC().Truncate(time.Millisecond).Add(-24 * time.Hour)
	want := map[string]event.PurposeSet{}
	var gone int
	all := make([]*drawn, 120)
	for i := range all {
		d := &drawn{n: i + 1, bit: uint8(draw.IntN(5)), off: draw.IntN(4) == 0, again: draw.IntN(3) == 0, at: hour.Add(10 * time.Hour)}
		if d.bit == bitMeasurement {
			d.bit = bitReach
		}
		d.linked[0] = hour.Add(4 * time.Hour)
		if draw.IntN(2) == 0 {
			d.linked[1] = hour.Add(7 * time.Hour) // another contact's from then on
		}
		for j := range 10 {
			scope, subject := event.ScopePerson, handle("profiling", d.n)
			if draw.IntN(2) == 0 {
				scope, subject = event.ScopePeriod, handle("analytics", d.n)
			}
			of := &d.rows
			if j%3 == 0 {
				scope, subject, of = event.ScopePerson, handle("visitor's", d.n), &d.visitor
			}
			var bits []uint8
			for b := range uint8(7) {
				if draw.IntN(3) == 0 {
					bits = append(bits, b)
				}
			}
			*of = append(*of, rowOf(subject, fmt.Sprintf("%d-%d", d.n, j), scope, hour.Add(time.Duration(draw.IntN(14*60)+j)*time.Minute+time.Second), append(bits, bitOrders)...))
		}
		all[i] = d
		gone += d.model(want)
		w.meet(append(slices.Clone(d.rows), d.visitor...)...)
		w.say(d)
	}
	w.reached(1)
	got := map[string]event.PurposeSet{}
	for _, line := range w.ask("SELECT message_id, purposes FROM events") {
		purposes, err := strconv.ParseUint(line[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		got[line[0]] = event.PurposeSet(purposes)
	}
	if gone == 0 || len(want) == 0 {
		t.Fatal("the model has nothing to tell apart")
	}
	if maps.Equal(got, want) {
		return
	}
	for _, d := range all {
		for _, r := range append(slices.Clone(d.rows), d.visitor...) {
			if w, there := want[r.MessageID]; got[r.MessageID] != w || there != (got[r.MessageID] != 0) {
				t.Errorf("row %s of scope %v with %b at %s, withdrawn %d (off %v, again %v), linked %v: left %b, want %b", r.MessageID, r.Scope, r.Purposes, r.ReceivedAt, d.bit, d.off, d.again, d.linked, got[r.MessageID], w)
			}
		}
	}
}

// model adds what is left of a person's rows, and returns how many go.
func (d *drawn) model(want map[string]event.PurposeSet) (gone int) {
	judge := func(r *record.Record, reached bool) {
		rest, stays := r.Purposes, true
		if reached && (!d.again || r.ReceivedAt.Before(d.at)) {
			rest, stays = d.left(r)
		}
		if stays {
			want[r.MessageID] = rest
		} else {
			gone++
		}
	}
	for i := range d.rows {
		judge(&d.rows[i], true)
	}
	for i := range d.visitor {
		at := d.visitor[i].ReceivedAt
		judge(&d.visitor[i], !at.Before(d.linked[0]) && (d.linked[1].IsZero() || at.Before(d.linked[1])))
	}
	return gone
}

// say writes what a person says, in the order of its times.
func (w *world) say(d *drawn) {
	w.t.Helper()
	link := func(contact int, at time.Time) ledger.Entry {
		e := w.entry(contact, ledger.StateLinked)
		e.Linked, e.At, e.Type = handle("visitor", d.n), at, ledger.EventImplied
		return e
	}
	w.write(link(d.n, d.linked[0]))
	if !d.linked[1].IsZero() {
		w.write(link(10_000+d.n, d.linked[1]))
	}
	over, lifted := w.entry(d.n, ledger.StateProfilingOff), w.entry(d.n, ledger.StateProfilingOn)
	if !d.off {
		p := &policy.Purposes[policy.Find(idOf(d.bit))]
		over.State, lifted.State = ledger.StateRefused, ledger.StateGiven
		if p.Basis != consent.BasisConsent {
			over.State = ledger.StateObjected
		}
		for _, e := range []*ledger.Entry{&over, &lifted} {
			e.Purpose, e.PurposeVersion = p.ID, p.Version
		}
	}
	over.At = d.at
	w.write(over)
	if d.again {
		lifted.At = d.at.Add(time.Minute)
		w.write(lifted)
	}
}

func idOf(bit uint8) event.PurposeID {
	return policy.Purposes[slices.IndexFunc(policy.Purposes, func(p consent.Purpose) bool { return p.Bit == bit })].ID
}

// TestVisitorsWithdrawal: what a browser withdraws is noted with whom before it is
// written; it reaches the rows once it is on record, and is forgotten when it never is.
func TestVisitorsWithdrawal(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	said := w.meet(rowOf(handle("profiling", 1), "said", event.ScopePerson, at, bitProfiling))
	unsaid := w.meet(rowOf(handle("profiling", 2), "unsaid", event.ScopePerson, at, bitProfiling))
	for _, n := range []int{said, unsaid} {
		w.vault.known[n][0].Handle = handle("nobody finds it by this", n) // a visitor's, in the ledger alone
		if err := w.reach.Note(t.Context(), shop, handle("consent", n), []event.PurposeID{"profiling", "orders"}, []byte{byte(n)}); err != nil {
			t.Fatal(err)
		}
	}
	w.reached(1)
	if w.count("events", said) != 1 {
		t.Fatal("it was reached before it was on record")
	}
	e := w.entry(said, ledger.StateRefused)
	e.Purpose, e.PurposeVersion = "profiling", 1
	w.write(e)
	noted, err := w.store.Reaches(t.Context(), control.ReachNoted, time.Now().Add(time.Hour))
	if err != nil || len(noted) != 2 {
		t.Fatalf("%d are noted, %v", len(noted), err)
	}
	for i := range noted {
		noted[i].Next = time.Time{}
	}
	if err := w.store.SetReaches(t.Context(), noted); err != nil {
		t.Fatal(err)
	}
	w.reached(2)
	if a, b := w.count("events", said), w.count("events", unsaid); a != 0 || b != 1 {
		t.Errorf("%d rows of who withdrew, %d of who did not", a, b)
	}
	late, err := reach.New(reach.Deps{
		Store: w.store, Cases: w.vault, Records: w.set, Hider: w.rows, Policies: func(event.SiteID) *consent.Policy { return policy },
		Histories: func(event.SiteID) reach.Histories { return w.policy }, Now: func() time.Time { return time.Now().Add(time.Hour) },
	})
	if err == nil {
		err = late.Look(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	counts, err := w.store.CountReaches(t.Context())
	if err != nil || len(counts) != 0 || w.vault.cases() != 0 {
		t.Errorf("%v wait, %d cases are open, %v", counts, w.vault.cases(), err)
	}
}
