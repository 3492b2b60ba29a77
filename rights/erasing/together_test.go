package erasing

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// TestOneBrowserOfTwo: of a browser that two people shared nothing is left when both
// are erased, whether in one call, in turn, or by two gateways of which neither sees
// what the other does; and of one that is somebody else's too, that one's rows.
func TestOneBrowserOfTwo(t *testing.T) {
	for _, how := range []string{"one call", "in turn", "at once"} {
		t.Run(how, func(t *testing.T) { oneBrowserOfTwo(t, how) })
	}
}

func oneBrowserOfTwo(t *testing.T, how string) {
	t.Helper()
	w := newWorld(t, controlPath(t))
	f := w.family()
	third, kiosk := newPerson(), newPerson()
	w.keys[third] = true
	at := w.now()
	w.link(f.contact, kiosk, at.Add(-3*time.Hour))
	w.link(f.other, kiosk, at.Add(-2*time.Hour))
	w.link(third, kiosk, at.Add(-time.Hour))
	w.link(f.other, f.own, at.Add(-time.Hour))
	for _, before := range []time.Duration{4 * time.Hour, 150 * time.Minute, 90 * time.Minute, time.Minute} {
		w.rows = append(w.rows, row{subject: kiosk.subject, at: at.Add(-before)})
	}
	one, ofOne := w.open(f.contact, control.EraseAll, time.Time{})
	two, ofTwo := w.open(f.other, control.EraseAll, time.Time{})
	e := w.eraser()
	list, of := []control.Request{one, two}, []pseudonym.OpenedCase{ofOne, ofTwo}
	var err error
	switch how {
	case "one call":
		err = e.Accepted(t.Context(), list, of)
	case "in turn":
		err = errors.Join(e.Accepted(t.Context(), list[:1], of[:1]), e.Accepted(t.Context(), list[1:], of[1:]))
	default:
		other := w.eraser()
		e.step = func(point string) {
			if point == "handles" { // it has seen that the browsers are another's too
				e.step = func(string) {}
				err = other.Accepted(t.Context(), list[1:], of[1:])
			}
		}
		err = errors.Join(e.Accepted(t.Context(), list[:1], of[:1]), err)
	}
	if err = errors.Join(err, w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	w.complete(one.ID)
	w.complete(two.ID)
	for name, is := range map[string]struct {
		of   *person
		rows int
	}{"the one": {f.contact, 0}, "the other": {f.other, 0}, "a browser of both": {f.shared, 0}, "another": {f.own, 0}, "a browser of a third": {kiosk, 2}} {
		if n := w.held(is.of.subject); n != is.rows {
			t.Errorf("%d rows of %s are left, not %d", n, name, is.rows)
		}
	}
	want := consent.StateErased
	if how == "at once" { // whoever still has the cookie is nobody who was known
		want = consent.StateActive
	}
	for _, p := range []*person{f.shared, f.own} {
		if r, err := w.Record(t.Context(), shop, p.consent); err != nil || r.State != want {
			t.Errorf("the browser is %v, %v", r.State, err)
		}
	}
	if r, err := w.Record(t.Context(), shop, kiosk.consent); err != nil || r.State != consent.StateActive {
		t.Errorf("the browser of a third is %v, %v", r.State, err)
	}
}

// withdrawals are one that a batch may take.
type withdrawals struct {
	of    []erase.Person
	batch [16]byte
	gone  bool
}

func (m *withdrawals) Waiting(context.Context) (bool, error) {
	return !m.gone && m.batch == [16]byte{}, nil
}

func (m *withdrawals) Take(_ context.Context, batch [16]byte, _ int) ([]erase.Person, error) {
	if m.batch == [16]byte{} {
		m.batch = batch
	}
	if m.gone || m.batch != batch {
		return nil, nil
	}
	return slices.Clone(m.of), nil
}

func (m *withdrawals) Back(_ context.Context, batch [16]byte) error {
	if m.batch == batch {
		m.batch = [16]byte{}
	}
	return nil
}

func (m *withdrawals) Gone(_ context.Context, batch [16]byte) error {
	m.gone = m.gone || m.batch == batch
	return nil
}

// TestFailedKeepNoWithdrawal: what a batch took of withdrawals does not wait for its
// erasures when all of them have failed, and what is kept without a person of either is
// kept once.
func TestFailedKeepNoWithdrawal(t *testing.T) {
	for _, at := range []string{"add", "issue", "settle"} {
		t.Run(at, func(t *testing.T) { failedKeepNone(t, at) })
	}
}

func failedKeepNone(t *testing.T, at string) {
	t.Helper()
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAnonymise, time.Time{})
	e, more := w.eraser(), &withdrawals{of: []erase.Person{{Site: shop, Mode: erase.ModeAnonymise, Whole: []event.Handle{f.other.subject}}}}
	e.deps.More = more
	w.fail = func(act string) error {
		if act == at {
			return errors.New("it does not work for this one")
		}
		return nil
	}
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	for range e.cfg.Attempts {
		_ = w.turn(t.Context(), e)
		w.pass(time.Hour)
	}
	got, _, err := w.store.Request(t.Context(), r.ID)
	if err != nil || got.State != control.RequestFailed || more.gone {
		t.Fatalf("%s, %v; gone %v", got.State, err, more.gone)
	}
	w.fail = func(string) error { return nil }
	for range 2 {
		if err := w.turn(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if !more.gone {
		t.Fatal("the withdrawal waits for an erasure that has failed")
	}
	got.State = control.RequestRunning
	if err := errors.Join(w.store.ChangeRequest(t.Context(), got, control.RequestHistory{}), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	w.complete(r.ID)
	if n := w.held(f.contact.subject) + w.held(f.other.subject); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	kept := 0
	for _, x := range w.rows {
		if x.nobody {
			kept++
		}
	}
	if kept != 6 {
		t.Errorf("%d rows are kept without a person, not 6", kept)
	}
}
