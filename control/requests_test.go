package control

import (
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"zgoda/event"
)

var askedAt = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// aRequest is one with something in every column.
func aRequest(person byte, right Right) Request {
	r := Request{
		Site: site, Right: right, Scope: []event.PurposeID{"analytics", "profiling"}, Origin: "letter", State: RequestRunning, Handle: handle(person),
		Received: askedAt, Deadline: askedAt.AddDate(0, 1, 0), Extended: askedAt.Add(time.Hour), Extension: "many", Told: askedAt.Add(2 * time.Hour),
		Paused: askedAt.Add(3 * time.Hour), PausedDays: 4, Proof: "operator", ProofBy: "ana", Proven: askedAt.Add(5 * time.Hour), Actor: "ana", Reason: "letter 7",
		Ground: "excessive", DuplicateOf: RequestID{7}, Undo: askedAt.Add(6 * time.Hour), Cutoff: askedAt.Add(7 * time.Hour), Fence: 8, Step: StepFenced,
		Batch: [16]byte{9}, Attempts: 10, Next: askedAt.Add(11 * time.Hour), Error: "away", Horizon: askedAt.AddDate(0, 2, 0), Done: askedAt.AddDate(0, 0, 3),
		Imported: true, Revision: 1,
	}
	if right == RightErasure {
		r.Mode = EraseAnonymise
	}
	_, _ = rand.Read(r.ID[:])
	return r
}

func addRequests(t *testing.T, s *Store, list ...Request) {
	t.Helper()
	refused, err := s.AddRequests(t.Context(), list)
	if err := errors.Join(append(refused, err)...); err != nil {
		t.Fatal(err)
	}
}

// contractRequests: what was askedAt for is kept whole, listed by deadline, and of
// one person and right there is one that is open.
func contractRequests(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	first := aRequest(1, RightErasure)
	nobody := aRequest(0, RightAccess)
	nobody.Handle, nobody.Batch, nobody.DuplicateOf, nobody.Scope, nobody.Deadline = event.Handle{}, [16]byte{}, RequestID{}, nil, askedAt
	addRequests(t, s, first, nobody)
	addRequests(t, s, first) // again, after a crash of the caller
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	for _, want := range []Request{first, nobody} {
		if got, found, err := s.Request(t.Context(), want.ID); err != nil || !found || !reflect.DeepEqual(got, want) {
			t.Errorf("kept %+v\n  as %+v: %v", want, got, err)
		}
	}
	if _, found, err := s.Request(t.Context(), RequestID{1}); err != nil || found {
		t.Errorf("a request that nobody made: %v, %v", found, err)
	}
	again, other, correction := aRequest(1, RightErasure), aRequest(1, RightErasure), aRequest(1, RightRectification)
	other.Scope = nil
	refused, err := s.AddRequests(t.Context(), []Request{again, other, correction})
	if err != nil || !errors.Is(refused[0], ErrOpen) || refused[1] != nil || refused[2] != nil {
		t.Errorf("refused %v: %v", refused, err)
	}
	addRequests(t, s, aRequest(1, RightRectification))
	again.State, again.DuplicateOf = RequestDuplicate, first.ID
	addRequests(t, s, again)
	contractRequestsListed(t, s, first, nobody)
	history, err := s.RequestHistory(t.Context(), first.ID)
	if err != nil || len(history) != 1 || history[0].Act != "open" || history[0].To != RequestRunning || history[0].Actor != "ana" {
		t.Errorf("the history is %+v: %v", history, err)
	}
}

func contractRequestsListed(t *testing.T, s *Store, first, nobody Request) {
	t.Helper()
	for name, c := range map[string]struct {
		q    RequestQuery
		want int
	}{
		"all":         {RequestQuery{}, 6},
		"a person":    {RequestQuery{Handle: handle(1)}, 5},
		"a site":      {RequestQuery{Site: "blog"}, 0},
		"rights":      {RequestQuery{Rights: []Right{RightAccess, RightRectification}}, 3},
		"states":      {RequestQuery{Site: site, States: []RequestState{RequestDuplicate}}, 1},
		"ids":         {RequestQuery{IDs: []RequestID{first.ID, nobody.ID, {1}}}, 2},
		"two of them": {RequestQuery{Limit: 2}, 2},
	} {
		if got, err := s.Requests(t.Context(), c.q); err != nil || len(got) != c.want {
			t.Errorf("%s: %d, want %d: %v", name, len(got), c.want, err)
		}
	}
	var seen []RequestID
	q := RequestQuery{Limit: 2}
	for {
		page, err := s.Requests(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			if slices.Contains(seen, r.ID) {
				t.Errorf("%v is on two pages", r.ID)
			}
			seen = append(seen, r.ID)
			q.AfterDeadline, q.AfterID = r.Deadline, r.ID
		}
	}
	if len(seen) != 6 || seen[0] != nobody.ID {
		t.Errorf("%d on all pages, the first is %v", len(seen), seen[0])
	}
}

// contractRequestsChange: a change that did not see the one before it is refused,
// and what another room writes is left alone.
func contractRequestsChange(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	r := aRequest(1, RightErasure)
	addRequests(t, s, r)
	changed := r
	changed.State, changed.Attempts, changed.Error, changed.Paused, changed.Deadline = RequestFailed, 20, "keyholder", time.Time{}, askedAt.AddDate(0, 3, 0)
	changed.Handle, changed.Step, changed.Batch, changed.Cutoff, changed.Fence = handle(9), StepProven, [16]byte{99}, askedAt, 99
	h := RequestHistory{Request: r.ID, At: askedAt, Actor: "zgoda", Act: "fail", From: r.State, To: changed.State, Note: "keyholder"}
	if err := s.ChangeRequest(t.Context(), changed, h); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeRequest(t.Context(), changed, h); !errors.Is(err, ErrRevision) {
		t.Errorf("the same once more: %v", err)
	}
	want := changed
	want.Handle, want.Step, want.Batch, want.Cutoff, want.Fence, want.Revision = r.Handle, r.Step, r.Batch, r.Cutoff, r.Fence, 2
	if got, _, err := s.Request(t.Context(), r.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v\nwant %+v: %v", got, want, err)
	}
	history, err := s.RequestHistory(t.Context(), r.ID)
	if err != nil || len(history) != 2 || history[1] != h {
		t.Errorf("the history is %+v: %v", history, err)
	}
	nobody := aRequest(0, RightErasure)
	nobody.Handle, nobody.State = event.Handle{}, RequestInput
	addRequests(t, s, nobody)
	nobody.Handle, nobody.Visitor = handle(1), true
	if err := s.SupplyRequest(t.Context(), nobody, RequestHistory{}); !errors.Is(err, ErrOpen) {
		t.Errorf("it is about somebody of whom another is open: %v", err)
	}
	nobody.Handle = handle(2)
	if err := s.SupplyRequest(t.Context(), nobody, RequestHistory{}); err != nil {
		t.Error(err)
	}
	if got, _, err := s.Request(t.Context(), nobody.ID); err != nil || got.Handle != handle(2) || !got.Visitor || got.Revision != 2 {
		t.Errorf("it is %+v: %v", got, err)
	}
}

// contractRequestsRace: of many that ask for the same at once, one is open. In
// PostgreSQL they ask two nodes.
func contractRequestsRace(t *testing.T, cfg Config) {
	t.Helper()
	stores := []*Store{open(t, cfg)}
	if cfg.Address != "" {
		other := cfg
		other.Node = "gate-2"
		stores = append(stores, open(t, other))
	}
	const each = 8
	refused := make(chan error, len(stores)*each)
	var wg sync.WaitGroup
	for _, s := range stores {
		for range each {
			wg.Go(func() {
				errs, err := s.AddRequests(t.Context(), []Request{aRequest(1, RightErasure)})
				refused <- errors.Join(append(errs, err)...)
			})
		}
	}
	wg.Wait()
	close(refused)
	kept := 0
	for err := range refused {
		switch {
		case err == nil:
			kept++
		case !errors.Is(err, ErrOpen):
			t.Error(err)
		}
	}
	if kept != 1 {
		t.Errorf("%d were kept", kept)
	}
}

// contractRequestTasks: tasks are written by name, the first count stays, and
// nobody agrees twice.
func contractRequestTasks(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	id := RequestID{1}
	put := func(tasks ...Task) {
		t.Helper()
		if err := s.PutTasks(t.Context(), tasks); err != nil {
			t.Fatal(err)
		}
	}
	put()
	put(Task{Request: id, Name: "events", State: TaskWaiting, Before: -1, After: -1})
	put(Task{Request: id, Name: "events", State: TaskWaiting, Before: 7, After: -1})
	put(Task{Request: id, Name: "events", State: TaskDone, Before: 3, After: 0, Attempts: 2, Verified: askedAt, Actor: "zgoda", Note: "done"},
		Task{Request: RequestID{2}, Name: "events", State: TaskDone})
	begun := []Task{{Request: id, Name: "events", State: TaskWaiting}, {Request: id, Name: "manual:paper", State: TaskWaiting, Before: -1, After: -1}}
	if err := errors.Join(s.BeginTasks(t.Context(), begun), s.BeginTasks(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	want := []Task{{Request: id, Name: "events", State: TaskDone, Before: 7, After: 0, Attempts: 2, Verified: askedAt, Actor: "zgoda", Note: "done"}, begun[1]}
	if got, err := s.Tasks(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the tasks are %+v: %v", got, err)
	}
	first, second := aRequest(1, RightErasure), aRequest(1, RightErasure)
	refused, err := s.AddRequestsWith(t.Context(), []Request{first, second}, func(r *Request) []Task {
		return []Task{{Request: r.ID, Name: "manual:paper", State: TaskWaiting, Before: -1, After: -1}}
	})
	if err != nil || refused[0] != nil || !errors.Is(refused[1], ErrOpen) {
		t.Errorf("refused %v: %v", refused, err)
	}
	for id, want := range map[RequestID]int{first.ID: 1, second.ID: 0} {
		if got, err := s.Tasks(t.Context(), id); err != nil || len(got) != want {
			t.Errorf("%d tasks, want %d: %v", len(got), want, err)
		}
	}
	for i, who := range []string{"eva", "ida", "eva"} {
		n, err := s.AddReview(t.Context(), id, Review{Reviewer: who, At: askedAt.Add(time.Duration(i)), Word: "approve"})
		if err != nil || n != min(i+1, 2) {
			t.Errorf("after %s %d agree: %v", who, n, err)
		}
	}
	if got, err := s.Reviews(t.Context(), id); err != nil || len(got) != 2 || got[0] != (Review{"eva", askedAt, "approve"}) {
		t.Errorf("the reviews are %+v: %v", got, err)
	}
}

// contractRequestsCounted: open ones are counted by age; whose clock stands is not
// overdue; the queue has erasures under way alone, the nearest deadline first.
func contractRequestsCounted(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	at := askedAt.AddDate(0, 0, 40)
	add := func(person byte, received time.Duration, change func(*Request)) Request {
		r := aRequest(person, RightErasure)
		r.Received = at.Add(-received)
		r.Deadline, r.Paused, r.Batch, r.Error = r.Received.AddDate(0, 1, 0), time.Time{}, [16]byte{}, ""
		change(&r)
		addRequests(t, s, r)
		return r
	}
	const day = 24 * time.Hour
	oldest := add(1, 40*day, func(*Request) {})
	add(2, 40*day, func(r *Request) { r.Paused = at })
	second := add(3, 20*day, func(r *Request) { r.Error = "clickhouse" })
	add(4, 10*day, func(r *Request) { r.Batch = [16]byte{1} })
	last := add(5, time.Hour, func(*Request) {})
	done := add(6, 40*day, func(r *Request) { r.State = RequestComplete })
	counts, err := s.CountRequests(t.Context(), at)
	want := []RequestCount{
		{Right: RightErasure, State: RequestComplete, Count: 1},
		{Right: RightErasure, State: RequestRunning, Open: true, Count: 5, Ages: [4]int64{1, 1, 1, 2}, Nearest: oldest.Deadline, Overdue: 1},
	}
	if err != nil || !reflect.DeepEqual(counts, want) {
		t.Errorf("counted %+v: %v", counts, err)
	}
	for r, want := range map[*Request]int64{&oldest: 0, &second: 2, &last: 3, &done: -1} {
		if r == &oldest { // one of two with the same deadline
			continue
		}
		if got, err := s.QueuePlace(t.Context(), r); err != nil || got != want {
			t.Errorf("the place of the one received %s is %d, want %d: %v", r.Received, got, want, err)
		}
	}
	for before, want := range map[time.Time]int64{askedAt.Add(7 * time.Hour): 0, askedAt.Add(8 * time.Hour): 5} {
		if late, err := s.LateErasures(t.Context(), before); err != nil || late != want {
			t.Errorf("%d are late at %s, want %d: %v", late, before, want, err)
		}
	}
	queue, err := s.Queue(t.Context())
	if err != nil || !reflect.DeepEqual(queue, []QueueStep{{StepFenced, 5, oldest.Received, oldest.Deadline, 1, "clickhouse"}}) {
		t.Errorf("the queue is %+v: %v", queue, err)
	}
}
