package erasing

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// crash is what a process that dies at a durable point is in these tests.
type crash struct{ at string }

// dies runs something that may die at a point; died says whether it did.
func dies(do func() error) (died bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(crash); !is {
				panic(r)
			}
			died = true
		}
	}()
	return false, do()
}

// points are all durable points of one erasure, in order.
func points(t *testing.T, mode control.EraseMode, undo bool) (all []string) {
	t.Helper()
	w := newWorld(t, controlPath(t))
	f := w.family()
	e := w.eraser()
	e.step = func(point string) {
		if !slices.Contains(all, point) {
			all = append(all, point)
		}
	}
	w.through(t, e, &f, mode, undo)
	return all
}

// through carries one erasure out, and returns its request.
func (w *world) through(t *testing.T, e *Eraser, f *family, mode control.EraseMode, undo bool) control.Request {
	t.Helper()
	r, c := w.opened(t, f, mode, undo)
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	w.begin(t, r, undo)
	for range 3 {
		if err := w.turn(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (w *world) opened(t *testing.T, f *family, mode control.EraseMode, undo bool) (control.Request, pseudonym.OpenedCase) {
	t.Helper()
	until := time.Time{}
	if undo {
		until = w.now().Add(time.Hour)
	}
	return w.open(f.contact, mode, until)
}

// begin ends the time in which it may be taken back.
func (w *world) begin(t *testing.T, r control.Request, undo bool) {
	t.Helper()
	if !undo {
		return
	}
	w.pass(2 * time.Hour)
	r.State = control.RequestRunning
	if err := w.store.ChangeRequest(t.Context(), r, control.RequestHistory{}); err != nil && !errors.Is(err, control.ErrRevision) {
		t.Fatal(err)
	}
}

// TestCrashTable: killed at any durable point, whoever comes after does the rest, and
// the end is the same: one row a point.
func TestCrashTable(t *testing.T) {
	for _, c := range []struct {
		name string
		mode control.EraseMode
		undo bool
	}{{"erase", control.EraseAll, false}, {"anonymise", control.EraseAnonymise, true}} {
		all := points(t, c.mode, c.undo)
		if len(all) < 20 {
			t.Fatalf("%s: %d points alone: %v", c.name, len(all), all)
		}
		for _, point := range all {
			t.Run(c.name+"/"+point, func(t *testing.T) { crashAt(t, c.mode, c.undo, point) })
		}
	}
}

func crashAt(t *testing.T, mode control.EraseMode, undo bool, point string) {
	t.Helper()
	path := controlPath(t)
	w := newWorld(t, path)
	f := w.family()
	e := w.eraser()
	did := map[string]int{}
	note := func(p string) { did[p]++ }
	e.step = func(p string) {
		if note(p); p == point {
			panic(crash{p})
		}
	}
	r, c := w.opened(t, &f, mode, undo)
	died, err := dies(func() error { return e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}) })
	if err != nil {
		t.Fatal(err)
	}
	w.begin(t, r, undo)
	for i := 0; !died; i++ {
		if i > 4 {
			t.Fatal("it did not come to the point")
		}
		if died, err = dies(func() error { return w.turn(t.Context(), e) }); err != nil {
			t.Fatal(err)
		}
	}
	w.restart(path)
	e = w.eraser()
	e.step = note
	for range 3 {
		if err := w.turn(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	f.left(t, w)
	body := w.complete(r.ID)
	if body.Tables[0].Before != 4 || body.Tables[0].After != 0 || body.Pseudonyms != 6 {
		t.Errorf("the certificate says %+v", body)
	}
	kept := 0
	for _, x := range w.rows {
		if x.nobody {
			kept++
		}
	}
	if want := map[control.EraseMode]int{control.EraseAnonymise: 4}[mode]; kept != want || len(w.copies) != 0 {
		t.Errorf("%d rows are kept without a person, and %d copies", kept, len(w.copies))
	}
	if len(w.hidden) != 0 || len(w.gone) != 1 {
		t.Errorf("hidden %d, destroyed %d", len(w.hidden), len(w.gone))
	}
	var twice []string
	for p, n := range did {
		if n > 1 {
			twice = append(twice, p)
		}
	}
	slices.Sort(twice)
	t.Logf("killed at %q; done twice: %v; complete", point, twice)
}

// restart opens the control store again, as a process that starts does.
func (w *world) restart(path string) {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	cfg := control.DefaultConfig(path)
	cfg.Timeout = 30 * time.Second
	store, err := control.Open(context.Background(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = store.Close() })
	w.store = store
}
