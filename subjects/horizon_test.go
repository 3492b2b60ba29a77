package subjects

import (
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/record"
)

// I2 refusal holds: no change that is not raised yet lies at or below the
// horizon, in whatever order changes begin, are written and are raised; a record
// is decided by everything up to its sequence.
func TestHorizonPassesNoChangeUnderWay(t *testing.T) {
	type change struct {
		id       uint64
		sequence event.Sequence // 0: not written yet
	}
	rapid.Check(t, func(t *rapid.T) {
		h := newHorizon(7)
		store, highest, was := event.Sequence(7), event.Sequence(7), h.at()
		var under []change
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			pick := func() int { return rapid.IntRange(0, len(under)-1).Draw(t, "which") }
			switch step := rapid.IntRange(0, 2).Draw(t, "step"); {
			case step == 0 || len(under) == 0:
				under = append(under, change{id: h.begin()})
			case step == 1:
				if i := pick(); under[i].sequence == 0 {
					store++
					under[i].sequence = store
				}
			default:
				i := pick() // one that was not written ends with an error
				h.end(under[i].id, under[i].sequence)
				highest = max(highest, under[i].sequence)
				under = append(under[:i], under[i+1:]...)
			}
			at := h.at()
			if at < was {
				t.Fatalf("fell from %d to %d", was, at)
			}
			was = at
			for _, c := range under {
				if written := c.sequence != 0; written && at >= c.sequence || !written && at > store {
					t.Fatalf("at %d, with %+v under way and %d written", at, c, store)
				}
			}
			if len(under) == 0 && at != highest {
				t.Fatalf("at %d with nothing under way, want %d", at, highest)
			}
		}
	})
}

// I2 refusal holds: a record that was decided after a change is not looked up for
// it, and one decided before it is.
func TestAsOfSparesWhatWasDecidedAfterAChange(t *testing.T) {
	w := newWorld(t)
	before := w.set.AsOf()
	w.grant(event.Handle{1}, "analytics", true)
	r := record.Record{Site: site, Scope: event.ScopePerson, Consent: [3]event.Handle{{1}}, Sequence: before}
	if !w.set.suspect(&r) {
		t.Error("a record decided before the change is not looked up")
	}
	if r.Sequence = w.set.AsOf(); w.set.suspect(&r) {
		t.Error("a record decided after the change is looked up")
	}
}
