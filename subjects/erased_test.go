package subjects

import (
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
)

// TestErasedIsBelievedBriefly: whoever was erased may be a new contact's a moment
// later, and everybody else is believed as long as before.
func TestErasedIsBelievedBriefly(t *testing.T) {
	now := moment{month: 24321, into: int64(time.Hour)}
	for state, want := range map[consent.State]time.Duration{consent.StateErased: erasedTTL, consent.StateRestricted: time.Minute, consent.StateActive: time.Minute} {
		s := newWorld(t).set
		c := cell{site: 1, kind: event.KindVisitor | known, h1: event.Blinded{9}, month: now.month, until: uint32((time.Hour + time.Minute) / time.Millisecond), handles: [3]event.Handle{{1}, {2}, {3}}, period: now.month}
		s.keep([]cell{c}, make([]event.Handles, 1), []control.Found{{Record: consent.Record{State: state}}}, now)
		var e Entry
		before, after := now, now
		before.into += int64(want) - int64(time.Millisecond)
		after.into += int64(want)
		id := Identity{Kind: event.KindVisitor, H1: event.Blinded{9}}
		if !s.peek(1, before, &id, &e) || s.peek(1, after, &id, &e) {
			t.Errorf("%v: not believed for %v", state, want)
		}
	}
}
