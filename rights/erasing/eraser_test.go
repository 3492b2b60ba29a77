package erasing

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/certificate"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// family is a contact with a visitor of its own and one that it shares with another.
type family struct{ contact, own, shared, other *person }

func (w *world) family() family {
	w.t.Helper()
	f := family{newPerson(), newPerson(), newPerson(), newPerson()}
	at := w.now().Add(-4 * time.Hour)
	w.link(f.contact, f.own, at)
	w.link(f.contact, f.shared, at.Add(time.Hour))
	w.link(f.other, f.shared, at.Add(2*time.Hour))
	for _, p := range []*person{f.contact, f.other} {
		w.keys[p] = true
		w.rows = append(w.rows, row{subject: p.subject, at: at}, row{subject: p.subject, visitor: f.own.subject, at: at})
		w.waiting = append(w.waiting, p.consent)
	}
	w.rows = append(w.rows, row{subject: f.own.subject, at: at},
		row{subject: f.shared.subject, at: at}, row{subject: f.shared.subject, at: at.Add(90 * time.Minute)}, row{subject: f.shared.subject, at: at.Add(3 * time.Hour)})
	return f
}

// left checks that nothing is left of the contact, and everything of the other.
func (f *family) left(t *testing.T, w *world) {
	t.Helper()
	for name, want := range map[*person]int{f.contact: 0, f.own: 0, f.shared: 2, f.other: 2} {
		if n := w.held(name.subject); n != want {
			t.Errorf("%d rows of %v are left, not %d", n, map[*person]string{f.contact: "the contact", f.own: "its visitor", f.shared: "the shared visitor", f.other: "the other"}[name], want)
		}
	}
	if slices.Contains(w.waiting, f.contact.consent) || !slices.Contains(w.waiting, f.other.consent) {
		t.Error("what waits is not the other's alone")
	}
	for p, want := range map[*person]consent.State{f.contact: consent.StateErased, f.own: consent.StateErased, f.shared: consent.StateActive, f.other: consent.StateActive} {
		if r, err := w.Record(t.Context(), shop, p.consent); err != nil || r.State != want {
			t.Errorf("the standing is %v, not %v, %v", r.State, want, err)
		}
	}
	if w.keys[f.contact] || !w.keys[f.other] {
		t.Error("the wrong keys are destroyed")
	}
	if _, err := w.store.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// complete checks that a request is complete with a certificate that says so.
func (w *world) complete(id control.RequestID) certificate.Body {
	w.t.Helper()
	r, _, err := w.store.Request(w.t.Context(), id)
	if err != nil || r.State != control.RequestComplete || r.Step != control.StepCertified || !r.Handle.IsZero() {
		w.t.Fatalf("the request is %s at %s, %q, %v", r.State, r.Step, r.Error, err)
	}
	file, there, err := w.store.Certificate(w.t.Context(), id)
	if err != nil || !there {
		w.t.Fatalf("the certificate: %v, %v", there, err)
	}
	body, err := certificate.Verify(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return body
}

// TestErasure: all rows of a contact go, of the visitors that are its own, and of
// those that it shares while they were its; and nothing of anybody else's.
func TestErasure(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	if w.visible(f.contact.subject)+w.visible(f.own.subject) != 0 || w.visible(f.other.subject) != 2 || w.visible(f.shared.subject) != 3 {
		t.Error("the wrong people are hidden")
	}
	if err := w.turn(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	f.left(t, w)
	body := w.complete(r.ID)
	if body.Nodes != 1 || body.Waiting != 1 || body.Pseudonyms != 6 || len(body.Tables) != 2 || body.Tables[0].Before != 4 || body.Tables[0].After != 0 ||
		!body.Keys.Salt || !body.Keys.Unreadable.After(body.Done) || body.Accepted.IsZero() {
		t.Errorf("the certificate says %+v", body)
	}
	if w.journal[r.ID] != 1 || !w.marks[r.ID] || len(w.hidden) != 0 || len(w.cases) != 0 {
		t.Errorf("journal %d, marks %v, hidden %d, cases %d", w.journal[r.ID], w.marks, len(w.hidden), len(w.cases))
	}
}

// TestAnonymise: the rows go, and what stays of them names nobody.
func TestAnonymise(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAnonymise, time.Time{})
	e := w.eraser()
	if err := errors.Join(e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	f.left(t, w)
	kept := 0
	for _, x := range w.rows {
		if x.nobody {
			kept++
		}
	}
	if body := w.complete(r.ID); kept != 4 || body.Tables[0].Kept != 4 {
		t.Errorf("%d rows are kept, the certificate says %+v", kept, body.Tables)
	}
}

// TestUndo: until its time is over an erasure can be taken back, and then not.
func TestUndo(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f, g := w.family(), w.family()
	e := w.eraser()
	until := w.clock.Add(time.Hour)
	back, of := w.open(f.contact, control.EraseAll, until)
	stays, ofStays := w.open(g.contact, control.EraseAll, until)
	for range 2 {
		if err := e.Accepted(t.Context(), []control.Request{back, stays}, []pseudonym.OpenedCase{of, ofStays}); err != nil {
			t.Fatal(err)
		}
	}
	state := func(p *person) consent.State {
		r, err := w.Record(t.Context(), shop, p.consent)
		if err != nil {
			t.Fatal(err)
		}
		return r.State
	}
	if state(f.contact) != consent.StateRestricted || w.visible(f.contact.subject) != 0 {
		t.Error("not restricted meanwhile")
	}
	hidden := len(w.hidden)
	if err := errors.Join(e.TakenBack(t.Context(), back), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	if state(f.contact) != consent.StateActive || len(w.hidden) != hidden || w.held(f.contact.subject) != 2 || state(g.contact) != consent.StateRestricted {
		t.Error("not as it was before")
	}
	w.pass(2 * time.Hour)
	stays.State = control.RequestRunning
	if err := w.store.ChangeRequest(t.Context(), stays, control.RequestHistory{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.turn(t.Context(), e), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	g.left(t, w)
	w.complete(stays.ID)
}

// TestUndoKeepsAnotherRestriction: who was restricted for another reason stays so.
func TestUndoKeepsAnotherRestriction(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f, e := w.family(), w.eraser()
	if _, err := w.Write(t.Context(), e.entry(shop, f.contact.consent, ledger.StateRestricted, "", "letter 7")); err != nil {
		t.Fatal(err)
	}
	r, c := w.open(f.contact, control.EraseAll, w.clock.Add(time.Hour))
	if err := errors.Join(e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}), e.TakenBack(t.Context(), r)); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Record(t.Context(), shop, f.contact.consent); err != nil || got.State != consent.StateRestricted || w.visible(f.contact.subject) != 0 {
		t.Errorf("%v, %v", got.State, err)
	}
}

// TestWaitsForEachNode: nothing is deleted before every node has said that nothing
// waits there; one that is gone is declared so.
func TestWaitsForEachNode(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	e.deps.Alone = false
	e.deps.Store = withNode{w.store, &control.Node{Name: "other", Seen: w.clock}}
	if err := errors.Join(e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	if err := w.turn(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got, _, err := w.store.Request(t.Context(), r.ID)
	if err != nil || got.Step != control.StepFenced || got.Error != "the node other has not said that nothing waits there" || w.held(f.contact.subject) == 0 {
		t.Fatalf("at %s, %q, %v", got.Step, got.Error, err)
	}
	e.deps.Store = withNode{w.store, &control.Node{Name: "other", Gone: true}}
	if err := w.turn(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.complete(r.ID)
}

// withNode is a store that another node shares.
type withNode struct {
	*control.Store
	other *control.Node
}

func (s withNode) Nodes(ctx context.Context) ([]control.Node, error) {
	list, err := s.Store.Nodes(ctx)
	return append(list, *s.other), err
}

// TestWaitsForOthers: recipients and what is to be done by hand are waited for; one
// that was given up does not keep keys from being destroyed.
func TestWaitsForOthers(t *testing.T) {
	w := newWorld(t, controlPath(t))
	w.tell = true
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	manual := control.Task{Request: r.ID, Name: "manual:paper", State: control.TaskWaiting, Before: -1, After: -1}
	if err := w.store.BeginTasks(t.Context(), []control.Task{manual}); err != nil {
		t.Fatal(err)
	}
	e := w.eraser()
	if err := errors.Join(e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	if !w.keys[f.contact] || w.held(f.contact.subject) != 0 {
		t.Fatal("keys are gone before the recipient was told, or rows are there")
	}
	w.notices[r.ID] = control.TaskFailed
	if err := errors.Join(e.Settled(t.Context(), r.ID), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := w.store.Request(t.Context(), r.ID); got.Step != control.StepDestroyed || w.keys[f.contact] {
		t.Fatalf("at %s", got.Step)
	}
	manual.State, manual.Actor, manual.Verified = control.TaskSignedOff, "token:ana", w.now()
	if err := errors.Join(w.store.PutTasks(t.Context(), []control.Task{manual}), e.Settled(t.Context(), r.ID), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	if body := w.complete(r.ID); len(body.Manual) != 1 || body.Manual[0].Actor != "token:ana" {
		t.Errorf("%+v", body.Manual)
	}
}

// TestFailuresAreShown: what does not work is tried again and shown, and after many
// tries the request has failed; it goes on when somebody says so.
func TestFailuresAreShown(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	w.fail = func(act string) error {
		if act == "delete" {
			return errors.New("the mutation failed halfway")
		}
		return nil
	}
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	for i := range e.cfg.Attempts {
		if err := w.turn(t.Context(), e); err == nil {
			t.Fatal("nothing failed")
		}
		got, _, err := w.store.Request(t.Context(), r.ID)
		if err != nil || got.Error == "" || (got.State == control.RequestFailed) != (i+1 == e.cfg.Attempts) {
			t.Fatalf("after %d tries: %s, %q, %v", i+1, got.State, got.Error, err)
		}
		w.pass(time.Hour)
	}
	w.fail = func(string) error { return nil }
	if err := w.turn(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got, _, _ := w.store.Request(t.Context(), r.ID)
	if got.State != control.RequestFailed || w.held(f.contact.subject) == 0 {
		t.Fatal("it went on by itself")
	}
	got.State = control.RequestRunning
	if err := errors.Join(w.store.ChangeRequest(t.Context(), got, control.RequestHistory{}), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	f.left(t, w)
	w.complete(r.ID)
}

// TestLostCase: a keyholder that does not know whom it is about is no proof that
// there is nothing.
func TestLostCase(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	delete(w.cases, r.ID)
	_ = w.turn(t.Context(), e)
	if got, _, _ := w.store.Request(t.Context(), r.ID); got.State != control.RequestFailed {
		t.Errorf("the request is %s at %s", got.State, got.Step)
	}
}

// TestManyTogether: many go in one batch, and each has its own counts.
func TestManyTogether(t *testing.T) {
	w := newWorld(t, controlPath(t))
	const people = 300
	var list []control.Request
	var of []pseudonym.OpenedCase
	for i := range people {
		p := newPerson()
		w.keys[p] = true
		for range i % 7 {
			w.rows = append(w.rows, row{subject: p.subject, at: w.clock})
		}
		r, c := w.open(p, control.EraseAll, time.Time{})
		list, of = append(list, r), append(of, c)
	}
	e := w.eraser()
	if err := errors.Join(e.Accepted(t.Context(), list, of), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	if len(w.rows) != 0 {
		t.Errorf("%d rows are left", len(w.rows))
	}
	for i := range list {
		if body := w.complete(list[i].ID); body.Tables[0].Before != int64(i%7) {
			t.Errorf("the certificate of %d says %+v", i, body.Tables)
		}
	}
	var zero event.Handle
	if w.held(zero) != 0 {
		t.Error("rows of nobody")
	}
}
