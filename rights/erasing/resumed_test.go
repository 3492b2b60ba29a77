package erasing

import (
	"context"
	"errors"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// TestComesBackMeanwhile: an erasure that is resumed while the rows of its batch are
// being taken away was not looked for: it goes with another batch, and its keys stay
// until then.
func TestComesBackMeanwhile(t *testing.T) {
	w := newWorld(t, controlPath(t))
	a, b := w.family(), w.family()
	first, one := w.open(a.contact, control.EraseAll, time.Time{})
	second, other := w.open(b.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	if err := e.Accepted(t.Context(), []control.Request{first, second}, []pseudonym.OpenedCase{one, other}); err != nil {
		t.Fatal(err)
	}
	set := func(state control.RequestState) {
		r, _, err := w.store.Request(t.Context(), second.ID)
		r.State = state
		if err = errors.Join(err, w.store.ChangeRequest(t.Context(), r, control.RequestHistory{})); err != nil {
			t.Fatal(err)
		}
	}
	paused, resumed, proven := false, false, 0
	e.step = func(point string) {
		switch {
		case point == "batch" && !paused:
			paused = true
			set(control.RequestPaused)
		case point == "counted" && !resumed:
			resumed = true
			set(control.RequestRunning)
		case point == string(control.StepProven):
			proven++
			if r, _, err := w.store.Request(t.Context(), second.ID); err != nil || proven == 1 && r.Step == control.StepProven {
				t.Errorf("it is proven though nobody looked for it: %v", err)
			}
		case point == "keys" && proven == 1 && !w.keys[b.contact]:
			t.Error("its keys are destroyed before its rows are gone")
		}
	}
	for range 4 {
		if err := w.turn(context.WithoutCancel(t.Context()), e); err != nil {
			t.Fatal(err)
		}
	}
	if proven != 2 {
		t.Errorf("%d batches were proven", proven)
	}
	w.complete(first.ID)
	w.complete(second.ID)
	a.left(t, w)
	b.left(t, w)
}
