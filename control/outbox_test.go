package control

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"
)

func aNotice(request RequestID, recipient string) Notice {
	n := Notice{Kind: NoticeArt19, Request: request, Recipient: recipient, Body: `{"type":"erasure"}`, Next: askedAt, Until: askedAt.Add(72 * time.Hour)}
	_, _ = rand.Read(n.ID[:])
	return n
}

func take(t *testing.T, s *Store, at time.Time) []Notice {
	t.Helper()
	due, err := s.DueNotices(t.Context(), at, at.Add(time.Minute), 10)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

// contractOutbox: a notice is one taker's at a time, is tried again when that one
// is gone, and ends once.
func contractOutbox(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	first, later := aNotice(RequestID{1}, "mailer"), aNotice(RequestID{1}, "crm")
	later.Next = askedAt.Add(time.Hour)
	for range 2 { // again after a crash
		if err := s.AddNotices(t.Context(), []Notice{first, later}); err != nil {
			t.Fatal(err)
		}
	}
	due := take(t, s, askedAt)
	if len(due) != 1 || due[0].ID != first.ID || due[0].Attempts != 1 || due[0].Body != first.Body || !due[0].Until.Equal(first.Until) {
		t.Fatalf("due: %+v", due)
	}
	if again := take(t, s, askedAt.Add(time.Second)); len(again) != 0 {
		t.Errorf("taken twice: %+v", again)
	}
	second := take(t, s, askedAt.Add(2*time.Minute)) // the first taker is gone
	if len(second) != 1 || second[0].Attempts != 2 {
		t.Fatalf("not taken again: %+v", second)
	}
	stale := due[0]
	stale.State, stale.Answer = NoticeFailed, "http_500"
	done := second[0]
	done.State, done.Answer, done.End = NoticeDelivered, "http_200", askedAt.Add(3*time.Minute)
	for _, n := range []Notice{stale, done, stale} {
		if err := s.SettleNotice(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.NoticesOf(t.Context(), RequestID{1}, RequestID{2})
	if err != nil || len(list) != 2 || list[0].Recipient != "crm" || list[1].State != NoticeDelivered || list[1].Answer != "http_200" {
		t.Fatalf("notices %+v: %v", list, err)
	}
	if n, err := s.CountNotices(t.Context()); err != nil || n != 1 {
		t.Errorf("%d wait: %v", n, err)
	}
	if err := s.SweepNotices(t.Context(), askedAt.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if list, err := s.NoticesOf(t.Context(), RequestID{1}); err != nil || len(list) != 1 || list[0].State != NoticeWaiting {
		t.Errorf("swept to %+v: %v", list, err)
	}
}

// contractOutboxOrder: a recipient hears of a request in order, and one that cannot be
// told holds no other up.
func contractOutboxOrder(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	first, second, other := aNotice(RequestID{1}, "a"), aNotice(RequestID{1}, "a"), aNotice(RequestID{1}, "b")
	nobody, nobodyElse := aNotice(RequestID{}, "a"), aNotice(RequestID{}, "a")
	second.Until, nobodyElse.Until = second.Until.Add(time.Second), nobodyElse.Until.Add(time.Second)
	if err := s.AddNotices(t.Context(), []Notice{second, first, other, nobody, nobodyElse}); err != nil {
		t.Fatal(err)
	}
	due := take(t, s, askedAt)
	if len(due) != 4 || slices.ContainsFunc(due, func(n Notice) bool { return n.ID == second.ID }) {
		t.Fatalf("due: %+v", due)
	}
	for _, n := range due {
		n.State, n.End = NoticeDelivered, askedAt
		if err := s.SettleNotice(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if due := take(t, s, askedAt); len(due) != 1 || due[0].ID != second.ID {
		t.Errorf("then: %+v", due)
	}
}

// contractComplete: a certificate comes with the end of its request, never while a
// task waits, and the first one stays.
func contractComplete(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	r, other := aRequest(1, RightErasure), aRequest(2, RightErasure)
	other.State = RequestPaused
	addRequests(t, s, r, other)
	task := Task{Request: r.ID, Name: "manual:paper", State: TaskWaiting, Before: -1, After: -1}
	if err := s.PutTasks(t.Context(), []Task{task}); err != nil {
		t.Fatal(err)
	}
	horizon, now := askedAt.AddDate(0, 0, 35), askedAt.Add(time.Hour)
	if err := s.CompleteWith(t.Context(), r.ID, []byte("first"), horizon, now); !errors.Is(err, ErrTasks) {
		t.Errorf("with a task that waits: %v", err)
	}
	if _, found, err := s.Certificate(t.Context(), r.ID); err != nil || found {
		t.Errorf("a certificate before the end: %v, %v", found, err)
	}
	task.State = TaskSignedOff
	if err := s.PutTasks(t.Context(), []Task{task}); err != nil {
		t.Fatal(err)
	}
	refused, err := s.CompleteMany(t.Context(), []Completion{{r.ID, []byte("first"), horizon}, {other.ID, []byte("x"), horizon}, {RequestID{9}, []byte("x"), horizon}}, now)
	if err != nil || refused[0] != nil || !errors.Is(refused[1], ErrRevision) || !errors.Is(refused[2], ErrRevision) {
		t.Fatalf("refused %v: %v", refused, err)
	}
	if err := s.CompleteWith(t.Context(), r.ID, []byte("second"), horizon, now); err != nil {
		t.Errorf("again: %v", err)
	}
	file, found, err := s.Certificate(t.Context(), r.ID)
	if err != nil || !found || !bytes.Equal(file, []byte("first")) {
		t.Errorf("certificate %q, %v: %v", file, found, err)
	}
	got, _, err := s.Request(t.Context(), r.ID)
	if err != nil || got.State != RequestComplete || got.Step != StepCertified || !got.Horizon.Equal(horizon) || !got.Done.Equal(now) || got.Revision != r.Revision+1 {
		t.Errorf("the request is %+v: %v", got, err)
	}
	history, err := s.RequestHistory(t.Context(), r.ID)
	if err != nil || len(history) != 2 || history[1].To != RequestComplete {
		t.Errorf("the history is %+v: %v", history, err)
	}
}

// contractOpenDSR: of an id there is one request, whose state is told once each
// time that it is another; a duplicate's state is that of the first.
func contractOpenDSR(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	r, again := aRequest(1, RightErasure), aRequest(1, RightErasure)
	r.DuplicateOf, again.DuplicateOf, again.State = RequestID{}, r.ID, RequestDuplicate
	addRequests(t, s, r, again)
	o := OpenDSR{
		ID: "a7551968-d5d6-44b2-9831-815ac9017798", Controller: "acme", Request: again.ID, BodyHash: [32]byte{1}, Callbacks: []string{"https://acme.example/cb"},
		Status: "pending", Received: askedAt, Submitted: askedAt.Add(-time.Hour),
	}
	tell := aNotice(again.ID, "https://acme.example/cb")
	for range 2 {
		if err := s.AddOpenDSR(t.Context(), o, []Notice{tell}); err != nil {
			t.Fatal(err)
		}
	}
	other := o
	other.BodyHash = [32]byte{2}
	if err := s.AddOpenDSR(t.Context(), other, nil); !errors.Is(err, ErrTaken) {
		t.Errorf("another body: %v", err)
	}
	other.Controller = "else"
	other.Request = RequestID{}
	if err := s.AddOpenDSR(t.Context(), other, nil); err != nil {
		t.Errorf("another controller: %v", err)
	}
	got, found, err := s.OpenDSR(t.Context(), "acme", o.ID)
	if err != nil || !found || got.State != RequestRunning || !got.Duplicate || got.Right != RightErasure || got.Callbacks[0] != o.Callbacks[0] ||
		!got.Received.Equal(askedAt) || !got.Deadline.Equal(r.Deadline) || got.Status != "pending" {
		t.Fatalf("read %+v, %v: %v", got, found, err)
	}
	if got, found, err := s.OpenDSR(t.Context(), "else", o.ID); err != nil || !found || got.State != "" {
		t.Errorf("of nobody: %+v, %v: %v", got, found, err)
	}
	statuses := map[RequestState]string{RequestRunning: "in_progress", RequestComplete: "completed"}
	for _, want := range []int{1, 0} {
		list, err := s.OpenDSRToTell(t.Context(), statuses, 10)
		if err != nil || len(list) != want {
			t.Fatalf("to tell %+v: %v", list, err)
		}
		for _, o := range list {
			for range 2 {
				next := aNotice(o.Request, o.Callbacks[0])
				if err := s.TellOpenDSR(t.Context(), o.Controller, o.ID, o.Status, "in_progress", []Notice{next}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if list, err := s.NoticesOf(t.Context(), again.ID); err != nil || len(list) != 2 {
		t.Errorf("notices %+v: %v", list, err)
	}
}
