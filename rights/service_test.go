package rights

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// TestOpen: what a request begins as follows from who asks, and who is known.
func TestOpen(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightRestriction, &worker{service: r.Service})
	if got := r.open(t, opening(control.RightRestriction, "jana")); got.State != control.RequestComplete || got.Handle != (event.Handle{1}) || got.Done.IsZero() {
		t.Errorf("performed at once: %+v", got)
	}
	if got := r.open(t, opening(control.RightAccess, "nobody")); got.State != control.RequestInput {
		t.Errorf("nobody is known: %s", got.State)
	}
	o := opening(control.RightAccess, "jana")
	o.Proof = ""
	unproven := r.open(t, o)
	if unproven.State != control.RequestUnverified || unproven.Paused.IsZero() || unproven.Deadline.Format(time.DateOnly) != "2026-02-28" {
		t.Errorf("it is not proven who asks: %+v", unproven)
	}
	o.Proof = "cookie"
	if got := r.open(t, o); got.State != control.RequestDuplicate || got.DuplicateOf != unproven.ID {
		t.Errorf("a second one: %+v", got)
	}
	o.Once = true
	if got, err := r.Open(t.Context(), o); !errors.Is(err, control.ErrOpen) || got.ID != unproven.ID {
		t.Errorf("a second one, not to be kept: %v, %v", got.ID, err)
	}
	o = opening(control.RightErasure, "nobody")
	o.Known = true
	if _, err := r.Open(t.Context(), o); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody is known: %v", err)
	}
	r.vault.merging = true
	if _, err := r.Open(t.Context(), opening(control.RightErasure, "petr")); !errors.Is(err, ErrMerging) {
		t.Errorf("they are being merged: %v", err)
	}
	r.vault.merging, r.vault.away = false, errors.New("away")
	if _, err := r.Open(t.Context(), opening(control.RightErasure, "petr")); err == nil {
		t.Error("the keyholder is away, and a request was kept")
	}
	list, err := r.store.Requests(t.Context(), control.RequestQuery{Rights: []control.Right{control.RightErasure}})
	if err != nil || len(list) != 0 {
		t.Errorf("%d erasures were kept: %v", len(list), err)
	}
}

// TestOpenRefuses: what is wrong is named, and never repeated.
func TestOpenRefuses(t *testing.T) {
	r := newRoom(t, nil)
	for name, change := range map[string]func(*Opening){
		"right":    func(o *Opening) { o.Right = "flying" },
		"mode":     func(o *Opening) { o.Right, o.Mode = control.RightAccess, control.EraseAll },
		"origin":   func(o *Opening) { o.Origin = "pigeon" },
		"proof":    func(o *Opening) { o.Proof = "face" },
		"actor":    func(o *Opening) { o.Actor = "" },
		"received": func(o *Opening) { o.Received = day.AddDate(0, 0, 1) },
		"reason":   func(o *Opening) { o.Reason = "jana@example.org asked" },
	} {
		o := opening(control.RightErasure, "jana")
		change(&o)
		_, err := r.Open(t.Context(), o)
		wrong, ok := errors.AsType[*FieldError](err)
		if !ok || wrong.Field != name || strings.Contains(err.Error(), "jana@") || strings.Contains(err.Error(), "pigeon") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.OpenMany(t.Context(), make([]Opening, MaxOpenings+1)); err == nil {
		t.Error("too many were taken")
	}
	if r.vault.cases() != 0 {
		t.Error("a case was opened")
	}
}

// TestDuplicatesRacing: of many that ask the same at once one is open, and the rest
// name it.
func TestDuplicatesRacing(t *testing.T) {
	r := newRoom(t, nil)
	other := r.restart(t, nil)
	var wg sync.WaitGroup
	got := make(chan control.Request, 12)
	for i := range 12 {
		s := []*Service{r.Service, other}[i%2]
		wg.Go(func() {
			one, err := s.Open(t.Context(), opening(control.RightErasure, "jana"))
			if err != nil {
				t.Error(err)
			}
			got <- one
		})
	}
	wg.Wait()
	close(got)
	var open []control.RequestID
	named := map[control.RequestID]int{}
	for one := range got {
		if one.State == control.RequestDuplicate {
			named[one.DuplicateOf]++
		} else {
			open = append(open, one.ID)
		}
	}
	if len(open) != 1 || named[open[0]] != 11 || r.vault.cases() != 1 {
		t.Errorf("%d are open, %v named, %d cases", len(open), named, r.vault.cases())
	}
}

// TestClock: it stands while it is being proven who asks, by whole days, and is
// extended once, before it is over, when the person was told.
func TestClock(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Reviewers = 1 })
	o := opening(control.RightAccess, "jana")
	o.Proof = ""
	one := r.open(t, o)
	r.later(75 * time.Hour)
	one = r.act(t, one.ID, Act{Name: "prove", Proof: "operator", Note: "passport seen"})
	if one.State != control.RequestPending || one.PausedDays != 3 || one.Deadline.Format(time.DateOnly) != "2026-03-03" || one.ProofBy != "ana" {
		t.Errorf("proven: %+v", one)
	}
	one = r.act(t, one.ID, Act{Name: "doubt", Note: "another voice"})
	r.later(47 * time.Hour)
	one = r.act(t, one.ID, Act{Name: "prove", Proof: "link", Note: "mail"})
	if one.PausedDays != 4 || one.Deadline.Format(time.DateOnly) != "2026-03-04" || !one.Paused.IsZero() {
		t.Errorf("proven again: %+v", one)
	}
	told := r.time()
	for name, a := range map[string]Act{
		"months": {Months: 3, Note: "many", Told: told}, "note": {Months: 2, Told: told}, "told": {Months: 2, Note: "many", Told: told.Add(time.Hour)},
		"told before": {Months: 2, Note: "many", Told: one.Received.AddDate(0, 0, -2)},
	} {
		a.Name, a.Actor = "extend", "ana"
		_, err := r.Act(t.Context(), one.ID, a)
		if wrong, ok := errors.AsType[*FieldError](err); !ok || !strings.HasPrefix(name, wrong.Field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one = r.act(t, one.ID, Act{Name: "extend", Months: 2, Note: "many", Told: told})
	if one.Deadline.Format(time.DateOnly) != "2026-05-04" || one.Extension != "many" || one.Told.IsZero() {
		t.Errorf("extended: %+v", one)
	}
	if _, err := r.Act(t.Context(), one.ID, Act{Name: "extend", Actor: "ana", Months: 1, Note: "more", Told: told}); err == nil {
		t.Error("it was extended twice")
	}
	late := r.open(t, opening(control.RightAccess, "petr"))
	r.later(40 * 24 * time.Hour)
	if _, err := r.Act(t.Context(), late.ID, Act{Name: "extend", Actor: "ana", Months: 1, Note: "many", Told: r.time()}); err == nil {
		t.Error("it was extended after its deadline")
	}
}

// TestReviewers: as many others as are asked for have to agree, whoever opened it is
// none of them, and nobody counts twice.
func TestReviewers(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Reviewers = 2 })
	w := &worker{service: r.Service}
	r.Use(control.RightErasure, w)
	one := r.open(t, opening(control.RightErasure, "jana"))
	if _, _, whom := w.seen(); one.State != control.RequestPending || len(whom) > 0 {
		t.Fatalf("it is %s", one.State)
	}
	if _, err := r.Act(t.Context(), one.ID, Act{Name: "approve", Actor: "ana"}); !errors.Is(err, ErrOwn) {
		t.Errorf("their own: %v", err)
	}
	for range 2 {
		if one = r.act(t, one.ID, Act{Name: "approve", Actor: "eva"}); one.State != control.RequestPending {
			t.Errorf("one agrees: %s", one.State)
		}
	}
	one = r.act(t, one.ID, Act{Name: "approve", Actor: "ida"})
	if tries, _, whom := w.seen(); one.State != control.RequestRunning || tries != 1 || !slices.Equal(whom, []event.Handle{{1}}) {
		t.Errorf("two agree: %s, %d tries, %d hidden", one.State, tries, len(whom))
	}
}

// TestDeny: on a ground of the list, and of one who is not proven on that alone.
func TestDeny(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Reviewers = 1 })
	o := opening(control.RightAccess, "jana")
	o.Proof = ""
	unproven, proven := r.open(t, o), r.open(t, opening(control.RightAccess, "petr"))
	for id, ground := range map[control.RequestID]string{unproven.ID: "excessive", proven.ID: "identity"} {
		for _, g := range []string{ground, "", "no time"} {
			_, err := r.Act(t.Context(), id, Act{Name: "deny", Actor: "ana", Ground: g, Note: "see letter", Told: day})
			if wrong, ok := errors.AsType[*FieldError](err); !ok || wrong.Field != "ground" {
				t.Errorf("on the ground %q: %v", g, err)
			}
		}
	}
	for id, ground := range map[control.RequestID]string{unproven.ID: "identity", proven.ID: "excessive"} {
		got := r.act(t, id, Act{Name: "deny", Ground: ground, Note: "see letter", Told: day})
		if got.State != control.RequestDenied || got.Ground != ground || got.Done.IsZero() || got.Told.IsZero() {
			t.Errorf("denied: %+v", got)
		}
	}
	if r.vault.cases() != 0 {
		t.Error("cases are open")
	}
	if _, err := r.Act(t.Context(), proven.ID, Act{Name: "approve", Actor: "eva"}); !errors.Is(err, ErrTransition) {
		t.Errorf("approved after it was denied: %v", err)
	}
}

// TestManualTaskBlocks: what has to be done by hand keeps a request from being
// complete, also when the gateway restarts and when it is configured later.
func TestManualTaskBlocks(t *testing.T) {
	paper := func(c *Config) {
		c.Systems = []System{{"paper", []control.Right{control.RightErasure, control.RightRestriction}}}
	}
	r := newRoom(t, paper)
	r.Use(control.RightRestriction, &worker{service: r.Service})
	one := r.open(t, opening(control.RightRestriction, "jana"))
	if one.State != control.RequestRunning {
		t.Fatalf("it is %s", one.State)
	}
	r.Service = r.restart(t, func(c *Config) {
		paper(c)
		c.Systems = append(c.Systems, System{"archive", []control.Right{control.RightRestriction}})
	})
	r.Use(control.RightRestriction, &worker{service: r.Service})
	for _, name := range []string{"work", "events", "manual:cellar", ""} {
		if _, err := r.Act(t.Context(), one.ID, Act{Name: "sign_off", Actor: "ana", Task: name}); !errors.Is(err, ErrTask) {
			t.Errorf("%q was signed off: %v", name, err)
		}
	}
	one = r.act(t, one.ID, Act{Name: "sign_off", Task: "manual:paper", Note: "box 3"})
	if waiting, err := r.Waiting(t.Context(), one.ID); err != nil || one.State != control.RequestRunning || !slices.Equal(waiting, []string{"manual:archive"}) {
		t.Errorf("it is %s, and waits for %v: %v", one.State, waiting, err)
	}
	one = r.act(t, one.ID, Act{Name: "sign_off", Task: "manual:archive"})
	if one.State != control.RequestComplete || r.vault.cases() != 0 {
		t.Errorf("it is %s, with %d cases", one.State, r.vault.cases())
	}
	eraser := &worker{service: r.Service}
	r.Use(control.RightErasure, eraser)
	erasure := r.open(t, opening(control.RightErasure, "petr"))
	if err := r.Finish(t.Context(), erasure.ID, nil); !errors.Is(err, ErrErasure) {
		t.Errorf("an erasure was finished: %v", err)
	}
	if got := r.act(t, erasure.ID, Act{Name: "sign_off", Task: "manual:paper"}); got.State != control.RequestRunning {
		t.Errorf("the erasure is %s", got.State)
	}
	if !slices.Equal(eraser.settled, []control.RequestID{erasure.ID}) {
		t.Error("who carries erasures out is not told what was signed off:", eraser.settled)
	}
}

// TestRetry: what passes is tried again later; what does not, and what fails too
// often, is shown as failed until somebody lets it be tried again.
func TestRetry(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Attempts = 3 })
	passes := &Trouble{Class: "clickhouse", Passes: true, Err: errors.New("away")}
	w := &worker{service: r.Service, fail: []error{passes, errors.New("jana@example.org is not there"), passes}}
	r.Use(control.RightRestriction, w)
	one := r.open(t, opening(control.RightRestriction, "jana"))
	if one.State != control.RequestRunning || one.Error != "clickhouse" || one.Attempts != 1 || !one.Next.Equal(day.Add(time.Second)) {
		t.Fatalf("after a try: %+v", one)
	}
	r.running(t)
	r.later(time.Second)
	deadline := time.Now().Add(20 * time.Second)
	for one.Attempts < 2 && time.Now().Before(deadline) {
		var err error
		if one, err = r.Request(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
	}
	if one.Error != "unavailable" || !one.Next.Equal(day.Add(3*time.Second)) {
		t.Errorf("after two: %+v", one)
	}
	r.later(2 * time.Second)
	r.until(t, one.ID, control.RequestFailed)
	one = r.act(t, one.ID, Act{Name: "retry"})
	one = r.until(t, one.ID, control.RequestComplete)
	if tries, _, _ := w.seen(); tries != 4 || one.Error != "" {
		t.Errorf("%d tries, %q", tries, one.Error)
	}
	w.fail = []error{&Trouble{Class: "refused", Err: errors.New("no")}}
	if got := r.open(t, opening(control.RightRestriction, "petr")); got.State != control.RequestFailed || got.Error != "refused" {
		t.Errorf("what does not pass: %+v", got)
	}
}

// TestUndo: an erasure waits for as long as it may be taken back; a restart tells
// the eraser again; then it begins by itself and cannot be taken back.
func TestUndo(t *testing.T) {
	undo := func(c *Config) { c.Undo = time.Hour }
	r := newRoom(t, undo)
	w := &worker{service: r.Service}
	r.Use(control.RightErasure, w)
	taken, kept := r.open(t, opening(control.RightErasure, "jana")), r.open(t, opening(control.RightErasure, "petr"))
	if taken.State != control.RequestApproved || !taken.Undo.Equal(day.Add(time.Hour)) {
		t.Fatalf("it is %+v", taken)
	}
	var shown []control.RequestState
	r.deps.Shown = func(ctx context.Context) {
		now, _, err := r.store.Request(ctx, taken.ID)
		if err != nil {
			t.Error(err)
		}
		shown = append(shown, now.State)
	}
	taken = r.act(t, taken.ID, Act{Name: "undo"})
	if tries, back, whom := w.seen(); taken.State != control.RequestCancelled || back != 1 || tries != 0 || len(whom) != 2 {
		t.Errorf("taken back: %s, %d, %d, %d", taken.State, back, tries, len(whom))
	}
	if !slices.Equal(shown, []control.RequestState{control.RequestCancelled}) {
		t.Errorf("seen again while it was %v", shown)
	}
	r.Service = r.restart(t, undo)
	w = &worker{service: r.Service, fail: []error{errors.New("away")}}
	r.Use(control.RightErasure, w)
	r.running(t)
	deadline := time.Now().Add(20 * time.Second)
	for whom := []event.Handle{}; len(whom) == 0; _, _, whom = w.seen() {
		if time.Now().After(deadline) {
			t.Fatal("the eraser was not told again")
		}
		time.Sleep(time.Millisecond)
	}
	r.later(time.Hour)
	kept = r.until(t, kept.ID, control.RequestRunning)
	if _, _, whom := w.seen(); !slices.Equal(whom, []event.Handle{{2}}) {
		t.Errorf("told of %d", len(whom))
	}
	if err := r.store.ChangeRequest(t.Context(), kept, control.RequestHistory{}); err != nil { // nothing but the revision
		t.Fatal(err)
	}
	if _, err := r.Act(t.Context(), kept.ID, Act{Name: "undo", Actor: "ana"}); !errors.Is(err, ErrTransition) {
		t.Errorf("taken back too late: %v", err)
	}
	paused := r.act(t, kept.ID, Act{Name: "pause"})
	if got := r.act(t, paused.ID, Act{Name: "resume"}); got.State != control.RequestRunning {
		t.Errorf("it is %s", got.State)
	}
}

// TestTooLate: nothing lifts the fence of an erasure, so that it is not taken back;
// once rows are gone it is not paused either.
func TestTooLate(t *testing.T) {
	for step, want := range map[control.EraseStep][2]error{
		control.StepAccepted: {nil, nil}, control.StepFenced: {nil, ErrTooLate}, control.StepDrained: {nil, ErrTooLate},
		control.StepDeleted: {ErrTooLate, ErrTooLate}, control.StepDestroyed: {ErrTooLate, ErrTooLate},
	} {
		r := &control.Request{Right: control.RightErasure, Step: step, State: control.RequestPaused}
		s := newRoom(t, nil)
		if err := s.pause(t.Context(), r, &Act{}); !errors.Is(err, want[0]) {
			t.Errorf("%s: paused: %v", step, err)
		}
		if err := s.takeBack(t.Context(), r, &Act{Name: "cancel"}); !errors.Is(err, want[1]) {
			t.Errorf("%s: cancelled: %v", step, err)
		}
	}
}

// TestSweep: cases that no open request needs, nor anybody else, are closed once
// they are old.
func TestSweep(t *testing.T) {
	r := newRoom(t, nil)
	one := r.open(t, opening(control.RightErasure, "jana"))
	for _, id := range [][16]byte{{1}, {2}} {
		if _, err := r.vault.OpenCases(t.Context(), []pseudonym.CaseOf{{ID: id, Who: Who{Value: "petr"}}}); err != nil {
			t.Fatal(err)
		}
	}
	r.Keep(func(_ context.Context, ids [][16]byte) ([][16]byte, error) {
		if len(ids) != 2 {
			t.Errorf("asked about %d", len(ids))
		}
		return [][16]byte{{1}}, nil
	})
	r.sweep(t.Context())
	if r.vault.cases() != 3 {
		t.Error("young ones were closed")
	}
	r.later(2 * time.Hour)
	r.sweep(t.Context())
	r.vault.mu.Lock()
	defer r.vault.mu.Unlock()
	_, open := r.vault.open[one.ID]
	if _, needed := r.vault.open[[16]byte{1}]; !open || !needed || len(r.vault.open) != 2 {
		t.Errorf("%d are open", len(r.vault.open))
	}
}
