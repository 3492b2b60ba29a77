package subjects

import (
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
)

// windows are those of a visitor that was a contact's, by the ledger.
func (w *world) windows(contact event.Handle) []control.Window {
	w.t.Helper()
	found, err := w.store.Windows(w.t.Context(), site, []event.Handle{contact})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// turn links a visitor at a time, and again, and returns the contact that leads.
func (w *world) turn(at time.Time, v Identity, contact ...Identity) event.Handle {
	w.t.Helper()
	var before event.Sequence
	var leads event.Handle
	for i := range 3 {
		r, err := w.set.Link(w.t.Context(), site, at.Add(time.Duration(i)*time.Millisecond), contact, &v)
		if err != nil {
			w.t.Fatal(err)
		}
		if leads = r.Contact.Handles.Consent; i > 0 && w.store.Sequence() != before {
			w.t.Error("what is linked already was written again")
		}
		before = w.store.Sequence()
	}
	return leads
}

// TestAnotherUserOfTheBrowserEndsTheTimeOfTheOneBefore: of a browser that two people
// use by turns the ledger says at each time whose it was.
func TestAnotherUserOfTheBrowserEndsTheTimeOfTheOneBefore(t *testing.T) {
	w := newWorld(t)
	v, at := visitor("v"), time.Now().UTC().Truncate(time.Millisecond)
	a := w.turn(at, v, user("a"))
	b := w.turn(at.Add(time.Second), v, user("b"))
	w.turn(at.Add(2*time.Second), v, user("a"))
	w.turn(at.Add(3*time.Second), v, user("b"))
	w.turn(at.Add(4*time.Second), v, user("a"))
	for contact, want := range map[event.Handle][][2]int{a: {{0, 1}, {2, 3}, {4, -1}}, b: {{1, 2}, {3, 4}}} {
		found := w.windows(contact)
		if len(found) != len(want) {
			t.Fatalf("%d times of %d", len(found), len(want))
		}
		for i, f := range found {
			from, to := at.Add(time.Duration(want[i][0])*time.Second), time.Time{}
			if want[i][1] >= 0 {
				to = at.Add(time.Duration(want[i][1]) * time.Second)
			}
			if !f.From.Equal(from) || !f.To.Equal(to) || f.Exclusive {
				t.Errorf("time %d is from %v to %v, exclusive %v", i, f.From.Sub(at), f.To.Sub(at), f.Exclusive)
			}
		}
	}
	if w.store.Sequence() != 5 {
		t.Errorf("%d entries for five turns", w.store.Sequence())
	}
	w.reopen() // and it is so for one that remembers nothing
	w.turn(at.Add(5*time.Second), v, user("a"))
	if w.store.Sequence() != 5 {
		t.Errorf("the same link is written again after a start: %d entries", w.store.Sequence())
	}
}

// TestConflictIsLinkedOnceUntilOneOfThemComesAlone: a conflict is both of theirs at
// once, and one of them alone ends the other's time.
func TestConflictIsLinkedOnceUntilOneOfThemComesAlone(t *testing.T) {
	w := newWorld(t)
	v, at := visitor("v"), time.Now().UTC().Truncate(time.Millisecond)
	a, b := w.load(user("a"))[0].Handles.Consent, w.load(user("b"))[0].Handles.Consent
	w.turn(at, v, user("a"), user("b"))
	both := w.store.Sequence()
	w.reopen()
	w.turn(at.Add(time.Second), v, user("b"), user("a"))
	if w.store.Sequence() != both {
		t.Errorf("the same conflict is written again: %d entries", w.store.Sequence())
	}
	alone := at.Add(2 * time.Second)
	w.turn(alone, v, user("a"))
	if found := w.windows(b); len(found) != 1 || !found[0].To.Equal(alone) {
		t.Errorf("of the one who left: %+v", found)
	}
	if found := w.windows(a); len(found) == 0 || !found[len(found)-1].To.IsZero() {
		t.Errorf("of the one who stayed: %+v", found)
	}
}

// reopen begins anew with the same ledger and keyholder.
func (w *world) reopen() {
	w.t.Helper()
	w.close()
	w.open()
}
