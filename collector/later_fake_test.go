package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/later"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/secret"
	"zgoda/spool"
	"zgoda/subjects"
)

// queueFake keeps what waits. Known identifiers are those that a test names.
type queueFake struct {
	mu      sync.Mutex
	records [][]byte
	putErr  error
	waits   int
	known   map[event.Blinded]bool
	since   map[event.Handle][]ledger.Entry
	asked   int // how often for changes
	err     error
}

func (q *queueFake) Put(rec []byte) (spool.Ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.putErr == nil {
		q.records = append(q.records, slices.Clone(rec))
	}
	return spool.Ticket{}, q.putErr
}

func (q *queueFake) Wait(context.Context, spool.Ticket) error { q.waits++; return nil }
func (q *queueFake) Flush(context.Context) error              { return nil }

func (q *queueFake) Since(_ context.Context, _ event.SiteID, subject event.Handle, after event.Sequence, _ int) (out []ledger.Entry, err error) {
	q.asked++
	for _, e := range q.since[subject] {
		if e.Sequence > after {
			out = append(out, e)
		}
	}
	return out, q.err
}

// memoryFake knows some identifiers.
type memoryFake struct {
	*queueFake

	people *peopleFake
}

func (m memoryFake) Known(_ event.SiteID, _ time.Time, ids []subjects.Identity, out []subjects.Entry) bool {
	for i := range ids {
		if !m.known[ids[i].H1] {
			return false
		}
		out[i] = *m.people.person(ids[i].H1)
	}
	return true
}

func (m memoryFake) Linked(_ event.SiteID, _ time.Time, contact []subjects.Identity, visitor *subjects.Identity) bool {
	known := visitor == nil || m.known[visitor.H1]
	for i := range contact {
		known = known && m.known[contact[i].H1]
	}
	return known
}

// laterStage is a stage whose keyholder is away.
type laterStage struct {
	*stage
	queue  *queueFake
	opener *sealed.Opener
	at     event.Sequence
}

// AsOf makes the stage's people tell a place in the order of changes.
type peopleAsOf struct {
	*peopleFake
	at *event.Sequence
}

func (p peopleAsOf) AsOf() event.Sequence { return *p.at }

func newLaterStage(t *testing.T) *laterStage {
	t.Helper()
	s := &laterStage{stage: newStage(t), queue: &queueFake{known: map[event.Blinded]bool{}, since: map[event.Handle][]ledger.Entry{}}, at: 100}
	seed := secret.New([]byte(strings.Repeat("s", 32)))
	public, err := sealed.Public(seed)
	if err != nil {
		t.Fatal(err)
	}
	if s.opener, err = sealed.NewOpener(seed); err != nil {
		t.Fatal(err)
	}
	sealer := &sealed.Sealer{}
	sealer.Set(public, 1)
	s.deps.Subjects = peopleAsOf{s.people, &s.at}
	s.deps.Later = &Later{Queue: s.queue, Sealer: sealer, Memory: memoryFake{s.queue, s.people}, Changes: s.queue}
	s.leave()
	return s
}

func (s *laterStage) leave() {
	away := fmt.Errorf("x: %w", subjects.ErrKeyholderAway)
	s.people.loadErr, s.people.linkErr = away, away
}

func (s *laterStage) comeBack() { s.people.loadErr, s.people.linkErr = nil, nil }

// resume decides about the events that wait, and expects so many.
func (s *laterStage) resume(t *testing.T, want int) (reasons []event.Reason) {
	t.Helper()
	if len(s.queue.records) != want {
		t.Fatalf("%d events wait, want %d", len(s.queue.records), want)
	}
	for _, rec := range s.queue.records {
		out, err := s.resumeOne(t, rec)
		if err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, out.Reason)
	}
	return reasons
}

func (s *laterStage) resumeOne(t *testing.T, rec []byte) (later.Outcome, error) {
	t.Helper()
	e, err := later.Read(rec)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.opener.Open(e.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	var ids []subjects.Identity
	for _, id := range opened.List {
		ids = append(ids, subjects.Identity{H1: id.H1, Kind: id.Kind, Mint: id.Mint})
	}
	return s.Resume(t.Context(), e, ids)
}
