package collector

import (
	"testing"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/subjects"
)

// TestChangesAreAskedOnce: many events about one person ask the store once for what
// changed since they came, and again for somebody who was read after that. A grant
// counts for the events that came after it, and for none before.
func TestChangesAreAskedOnce(t *testing.T) {
	s := newLaterStage(t)
	e := s.grant(event.KindVisitor, "v1", 1, 2)
	person := handle(h1(event.KindVisitor, "v1"), 'c')
	send := func() { s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`)) }
	send()
	s.queue.since[person] = []ledger.Entry{{State: ledger.StateGiven, Purpose: "profiling", Sequence: 101}}
	s.at = 101
	send()
	s.comeBack()
	scopes := func(asked int, want ...event.Scope) {
		t.Helper()
		s.resume(t, 2)
		if s.queue.asked != asked {
			t.Errorf("the store was asked %d times, want %d", s.queue.asked, asked)
		}
		for i, r := range s.log.records[len(s.log.records)-2:] {
			if r.Scope != want[i] {
				t.Errorf("event %d is stored as %v, want %v", i, r.Scope, want[i])
			}
		}
	}
	read := func(at event.Sequence) {
		record := *e.Record()
		record.Sequence = at
		*e = subjects.NewEntry(e.Handles, record)
	}
	read(101)
	scopes(1, event.ScopePeriod, event.ScopePerson)
	scopes(1, event.ScopePeriod, event.ScopePerson)

	s.queue.since[person] = append(s.queue.since[person], ledger.Entry{State: ledger.StateProfilingOn, Sequence: 102})
	read(102)
	scopes(2, event.ScopePeriod, event.ScopePeriod)
	if got := e.Sequence(); got != 102 {
		t.Errorf("read at %d", got)
	}
}

// TestTooManyChangesAreNotRemembered: what is cut off says nothing of a later place.
func TestTooManyChangesAreNotRemembered(t *testing.T) {
	s := newLaterStage(t)
	s.grant(event.KindVisitor, "v1", 1, 2)
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	s.queue.since[handle(h1(event.KindVisitor, "v1"), 'c')] = make([]ledger.Entry, mostChanges)
	for i := range mostChanges {
		s.queue.since[handle(h1(event.KindVisitor, "v1"), 'c')][i].Sequence = event.Sequence(101 + i)
	}
	s.comeBack()
	for asked := 1; asked <= 2; asked++ {
		if got := s.resume(t, 1); got[0] != event.ReasonRestricted || s.queue.asked != asked {
			t.Errorf("%v, asked %d times, want %d", got, s.queue.asked, asked)
		}
	}
}

// TestRememberedChangesAreBounded: what is remembered is forgotten, not gathered.
func TestRememberedChangesAreBounded(t *testing.T) {
	var c changed
	for i := range 3*mostChanged + 1 {
		c.keep(changedKey{handle: event.Handle{byte(i), byte(i >> 8)}}, changedSince{})
		if len(c.of) > mostChanged {
			t.Fatalf("%d are remembered", len(c.of))
		}
	}
}
