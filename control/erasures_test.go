package control

import (
	"crypto/rand"
	"errors"
	"reflect"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// anErasure is one that is accepted, about the person.
func anErasure(person byte, deadline time.Time) Request {
	r := Request{
		Site: site, Right: RightErasure, Mode: EraseAll, Origin: "operator", State: RequestRunning, Handle: handle(person),
		Received: askedAt, Deadline: deadline, Proof: "operator", Step: StepAccepted, Revision: 1,
	}
	_, _ = rand.Read(r.ID[:])
	return r
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func linkedTo(contact, visitor byte, at time.Time) ledger.Entry {
	e := tie(ledger.StateLinked, handle(contact), handle(visitor))
	e.At = at
	return e
}

// contractLeaseAndNodes: one node leads until its time is over; a node that is gone
// stays so until it is said to be back.
func contractLeaseAndNodes(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	now := askedAt
	for _, c := range []struct {
		node  ledger.Writer
		after time.Duration
		want  bool
	}{{"one", 0, true}, {"two", time.Second, false}, {"one", 2 * time.Second, true}, {"two", 11 * time.Second, false}, {"two", 13 * time.Second, true}, {"one", 14 * time.Second, false}} {
		other := Store{cfg: s.cfg, db: s.db}
		other.cfg.Node = c.node
		held, err := other.Lease(t.Context(), "any", now.Add(c.after+10*time.Second), now.Add(c.after))
		if err != nil || held != c.want {
			t.Errorf("%s after %s: %v, %v", c.node, c.after, held, err)
		}
	}
	must(t, s.Beat(t.Context(), 7, now), s.SetGone(t.Context(), s.cfg.Node, true), s.Beat(t.Context(), 9, now.Add(time.Second)))
	if err := s.SetGone(t.Context(), "nobody", true); !errors.Is(err, ErrNoNode) {
		t.Error(err)
	}
	nodes, err := s.Nodes(t.Context())
	if want := []Node{{s.cfg.Node, now.Add(time.Second), 9, true}}; err != nil || !reflect.DeepEqual(nodes, want) {
		t.Errorf("%v, %v", nodes, err)
	}
}

// contractBatches: erasures go through their steps together, led by one node; what
// was left behind goes back to the queue.
func contractBatches(t *testing.T, cfg Config) {
	t.Helper()
	s, ctx := open(t, cfg), t.Context()
	late, soon, paused := anErasure(1, askedAt.AddDate(0, 1, 0)), anErasure(2, askedAt.AddDate(0, 0, 3)), anErasure(3, askedAt.AddDate(0, 2, 0))
	addRequests(t, s, late, soon, paused)
	ids := []RequestID{soon.ID, late.ID, paused.ID}
	must(t, s.StepRequests(ctx, ids, StepAccepted, StepFenced, askedAt.Add(time.Second), 5),
		s.StepRequests(ctx, ids[:1], StepAccepted, StepFenced, askedAt.Add(time.Hour), 9)) // it is beyond that
	found, err := s.Erasures(ctx, StepFenced, false, 2)
	if err != nil || len(found) != 2 || found[0].ID != soon.ID || found[0].Fence != 5 || !found[0].Cutoff.Equal(askedAt.Add(time.Second)) || found[1].ID != late.ID {
		t.Fatalf("%+v, %v", found, err)
	}
	b := EraseBatch{ID: [16]byte{1}, Step: StepFenced, Made: now(), Requests: 3}
	if err := s.MakeBatch(ctx, b, ids); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("made without leading: %v", err)
	}
	if held, err := s.Lease(ctx, LeaseErasure, now().Add(time.Minute), now()); !held || err != nil {
		t.Fatal(held, err)
	}
	must(t, s.MakeBatch(ctx, b, ids), s.AddHandles(ctx, []Taken{{soon.ID, site, []event.Handle{handle(2), handle(20)}}, {soon.ID, site, []event.Handle{handle(2)}}}),
		s.Ack(ctx, b.ID, 4, askedAt), s.Ack(ctx, b.ID, 0, askedAt.Add(time.Hour)))
	handles, err := s.HandlesOf(ctx, b.ID)
	if err != nil || len(handles) != 1 || len(handles[soon.ID]) != 2 {
		t.Errorf("%v, %v", handles, err)
	}
	if acks, err := s.Acks(ctx, b.ID); err != nil || !reflect.DeepEqual(acks, []Ack{{s.cfg.Node, 4, askedAt}}) {
		t.Errorf("%v, %v", acks, err)
	}
	say(t, s, `UPDATE request SET state = 'paused' WHERE deadline_micros = (SELECT max(deadline_micros) FROM request)`)
	b.Step, b.Tables = StepProven, []ErasedTable{{Name: "events", Before: 7, Mutations: []string{"mutation_3.txt"}}}
	must(t, s.MoveBatch(ctx, b, now()))
	if open, err := s.Batches(ctx); err != nil || len(open) != 0 {
		t.Errorf("%v, %v", open, err)
	}
	kept, there, err := s.Batch(ctx, b.ID)
	if err != nil || !there || !reflect.DeepEqual(kept.Tables, b.Tables) || kept.Node != s.cfg.Node {
		t.Errorf("%+v, %v", kept, err)
	}
	if of, err := s.ErasuresOf(ctx, b.ID); err != nil || len(of) != 2 || of[0].Step != StepProven {
		t.Errorf("%v, %v", of, err)
	}
	say(t, s, `UPDATE request SET state = 'in_progress'`)
	again := b
	again.Of = ids[:2]
	must(t, s.MoveBatch(ctx, again, now())) // who came back meanwhile stays
	must(t, s.FreeErasures(ctx))
	if left, err := s.Erasures(ctx, StepFenced, false, 9); err != nil || len(left) != 1 || left[0].ID != paused.ID {
		t.Errorf("%v, %v", left, err)
	}
	if at, err := s.LastBatch(ctx); err != nil || !at.Equal(b.Made) {
		t.Errorf("%v, %v", at, err)
	}
}

// contractWindows: a visitor is a contact's from each link to it until the next link
// to another.
func contractWindows(t *testing.T, cfg Config) {
	t.Helper()
	s, ctx, at := open(t, cfg), t.Context(), askedAt
	appendAll(t, s, linkedTo(1, 11, at), linkedTo(1, 12, at.Add(time.Hour)), linkedTo(2, 12, at.Add(2*time.Hour)), linkedTo(3, 12, at.Add(3*time.Hour)))
	windows, err := s.Windows(ctx, site, []event.Handle{handle(1)})
	want := []Window{{handle(11), at, time.Time{}, true}, {handle(12), at.Add(time.Hour), at.Add(2 * time.Hour), false}}
	if err != nil || !reflect.DeepEqual(windows, want) {
		t.Errorf("%v, %v", windows, err)
	}
	if last, err := s.Windows(ctx, site, []event.Handle{handle(2), handle(3)}); err != nil || len(last) != 2 || !last[1].To.IsZero() || last[1].Exclusive {
		t.Errorf("of one who was merged: %v, %v", last, err)
	}
	shared, err := s.SharedVisitors(ctx, site, []event.Handle{handle(1)}, []event.Handle{handle(11), handle(12), handle(12), handle(13)})
	if err != nil || !reflect.DeepEqual(shared, []event.Handle{handle(12)}) {
		t.Errorf("%v, %v", shared, err)
	}
}

// contractForgetSubjects: nothing names the person any more but a bare standing, the
// ledger still verifies, and nobody else has lost anything.
func contractForgetSubjects(t *testing.T, cfg Config) {
	t.Helper()
	s, ctx := open(t, cfg), t.Context()
	appendAll(t, s,
		entry(handle(1), ledger.StateGiven, "profiling"), entry(handle(2), ledger.StateGiven, "profiling"), linkedTo(1, 11, askedAt), linkedTo(2, 12, askedAt),
		tie(ledger.StateConflict, handle(2), handle(1)), entry(handle(1), ledger.StateProfilingOff, ""))
	r := anErasure(1, askedAt)
	must(t, s.AddHandles(ctx, []Taken{{r.ID, site, []event.Handle{handle(1), handle(11)}}}))
	appendAll(t, s, entry(handle(11), ledger.StateErased, ""), entry(handle(1), ledger.StateErased, ""))
	if f := found(t, s, Lookup{policy, handle(2)}); f.Record.State != consent.StateActive {
		t.Errorf("another in conflict is %v", f.Record.State)
	}
	r.Step = StepTold
	earlier := anErasure(1, askedAt)
	earlier.Right, earlier.Mode, earlier.State = RightAccess, "", RequestComplete
	addRequests(t, s, r, earlier)
	for range 2 { // the second time does no harm
		must(t, s.ForgetSubjects(ctx, []Forgotten{{Request: r.ID, Until: askedAt.AddDate(0, 0, 30), Journal: []byte("sealed"), Keep: askedAt.AddDate(0, 2, 0)}}))
	}
	for _, h := range []event.Handle{handle(1), handle(11)} {
		if seen := everywhere(t, s, h); !reflect.DeepEqual(seen, []string{"erased", "subject"}) {
			t.Errorf("it still stands in %v", seen)
		}
		if f := found(t, s, Lookup{policy, h}); f.Record.State != consent.StateErased || f.Record.ProfilingOff {
			t.Errorf("its standing is %+v", f.Record)
		}
	}
	if f := found(t, s, Lookup{policy, handle(2)}); f.Record.State != consent.StateActive || f.Record.Purposes[7].Choice != consent.ChoiceGiven {
		t.Errorf("another has %+v", f.Record)
	}
	if got, _, err := s.Request(ctx, r.ID); err != nil || got.Step != StepDestroyed || !got.Handle.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	must(t, s.SweepErased(ctx, askedAt.AddDate(0, 0, 29)))
	if len(everywhere(t, s, handle(1))) != 2 {
		t.Error("the standing went before its time")
	}
	must(t, s.SweepErased(ctx, askedAt.AddDate(0, 0, 31)))
	if seen := everywhere(t, s, handle(1)); len(seen) != 0 {
		t.Errorf("left in %v", seen)
	}
}

// everywhere returns the tables that hold the handle anywhere, by name.
func everywhere(t *testing.T, s *Store, h event.Handle) (tables []string) {
	t.Helper()
	for _, c := range []struct{ table, where string }{
		{"choice", "handle = $1"},
		{"confirmation", "handle = $1"},
		{"conflict", "contact = $1 OR other = $1"},
		{"erase_handle", "handle = $1"},
		{"erased", "handle = $1"},
		{"link", "contact = $1 OR visitor = $1"},
		{"parts", "subject = $1 OR substr(linked, 33) = $1"},
		{"request", "handle = $1"},
		{"subject", "handle = $1"},
	} {
		var n int
		if err := s.db.plain().QueryRowContext(t.Context(), `SELECT count(*) FROM `+c.table+` WHERE `+c.where, h[:]).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			tables = append(tables, c.table)
		}
	}
	return tables
}
