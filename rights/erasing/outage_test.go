package erasing

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/certificate"
	"zgoda/control"
	"zgoda/pseudonym"
)

// failure is one of ClickHouse, as activity.Error is.
type failure string

func (f failure) Error() string { return "count the rows: " + string(f) }
func (f failure) Class() string { return string(f) }

// TestOutages: for as long as ClickHouse or the keyholder is away an erasure waits and
// shows it, and goes on by itself; what is wrong ends after so many tries.
func TestOutages(t *testing.T) {
	away := fmt.Errorf("keyholder destroy: %w: too many contacts destroyed in an hour", pseudonym.ErrAway)
	for _, c := range []struct {
		name, act string
		err       error
		class     string
		passes    bool
	}{
		{"ClickHouse", "delete", errors.Join(failure("unreachable"), failure("unreachable")), "ClickHouse is away", true},
		{"ClickHouse merges", "delete", failure("parts"), "ClickHouse is away", true},
		{"a key is rotated", "begin", fmt.Errorf("begin to take rows away: %w", activity.ErrRekeying), "rows are being rewritten under new pseudonyms", true},
		{"keyholder", "pseudonyms", away, "the keyholder is away", true},
		{"the keyholder's limit", "destroy", away, "the keyholder is away", true},
		{"a replica", "begin", errors.Join(&activity.ReplicaError{Replica: "two:9000", Err: failure("unreachable")}), "waiting: replica two:9000", true},
		{"a replica after the proof", "mark", &activity.ReplicaError{Replica: "two:9000", Err: failure("unreachable")}, "waiting: replica two:9000", true},
		{"a replica refuses", "delete", &activity.ReplicaError{Replica: "two:9000", Err: failure("login")}, "replica two:9000: ClickHouse refused", false},
		{"rows on a replica", "prove", errors.Join(errLeft, &activity.ReplicaError{Replica: "two:9000", Err: activity.ErrLeft}), "replica two:9000: rows were left, and are looked for again", false},
		{"a replica that is not listed", "begin", &activity.UnlistedError{Reason: "list it in clickhouse_replicas"}, "list it in clickhouse_replicas", false},
		{"refused", "delete", failure("login"), "ClickHouse refused", false},
		{"rows are left", "delete", errors.Join(errLeft, failure("unreachable")), "rows were left, and are looked for again", false},
		{"refused to destroy", "destroy", &pseudonym.Refusal{Act: "destroy", Text: "no"}, "it did not work, as the log says", false},
	} {
		t.Run(c.name, func(t *testing.T) { outage(t, c.act, c.err, c.class, c.passes) })
	}
}

func outage(t *testing.T, act string, failed error, class string, passes bool) {
	t.Helper()
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	tries := 0
	w.fail = func(at string) error {
		if at != act {
			return nil
		}
		tries++
		return failed
	}
	for i := range 2 * e.cfg.Attempts {
		err := w.turn(t.Context(), e)
		got, _, read := w.store.Request(t.Context(), r.ID)
		if read != nil || got.Error != class || (got.State == control.RequestFailed) != (!passes && i+1 >= e.cfg.Attempts) {
			t.Fatalf("after %d turns: %s, %q, %v, %v", i+1, got.State, got.Error, read, err)
		}
		before := tries
		if _ = w.turn(t.Context(), e); passes && i > e.cfg.Attempts && tries != before {
			t.Fatal("it is tried without a wait")
		}
		w.pass(e.cfg.Most)
		if !passes && got.State == control.RequestFailed {
			break
		}
	}
	if passes && tries < 2*e.cfg.Attempts {
		t.Fatalf("%d tries: it waits for longer than it says", tries)
	}
	if !passes {
		return
	}
	w.fail = func(string) error { return nil }
	if err := errors.Join(w.turn(t.Context(), e), w.turn(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	f.left(t, w)
	if body := w.complete(r.ID); body.Tables[0].Replicas != 2 || len(body.Tables[0].Copies) != 2 || body.Tables[0].Copies[1].Server != "two:9000" || body.Tables[0].Copies[1].Verified.IsZero() {
		t.Errorf("the certificate says of the servers %+v", body.Tables)
	}
	if len(e.outages) != 0 {
		t.Errorf("away is still %v", e.outages)
	}
}

func (w *world) waitsFor(ctx context.Context, id control.RequestID, class string, until time.Time) error {
	r, _, err := w.store.Request(ctx, id)
	if err != nil {
		return err
	}
	r.Error, r.Next = class, until
	return w.store.ChangeRequest(ctx, r, control.RequestHistory{})
}

// poisoned refuse one erasure, and with it all that come with it.
type poisoned struct {
	*world
	id [16]byte
}

var errPoisoned = errors.New("refused")

func (p poisoned) Destroy(ctx context.Context, list []pseudonym.Destroyed) ([]pseudonym.SealedErasure, error) {
	for i := range list {
		if list[i].ID == p.id {
			return nil, errPoisoned
		}
	}
	return p.world.Destroy(ctx, list)
}

type poisonedSigner struct {
	signer
	id control.RequestID
}

func (p poisonedSigner) Sign(b certificate.Body) ([]byte, error) {
	if b.Request == p.id.String() {
		return nil, certificate.ErrPersonal
	}
	return p.signer.Sign(b)
}

// TestOneKeepsNoneUp: of those that are destroyed or certified together, and of those
// after them, only the one does not go on that cannot be done.
func TestOneKeepsNoneUp(t *testing.T) {
	for name, poison := range map[string]func(*Eraser, *world, control.RequestID){
		"destroy": func(e *Eraser, w *world, id control.RequestID) { e.deps.Keys = poisoned{w, id} },
		"certify": func(e *Eraser, w *world, id control.RequestID) { e.deps.Signer = poisonedSigner{w.signer, id} },
	} {
		for _, at := range []int{0, 11, 29} {
			t.Run(fmt.Sprint(name, " ", at), func(t *testing.T) { oneOfMany(t, poison, at) })
		}
	}
}

func oneOfMany(t *testing.T, poison func(*Eraser, *world, control.RequestID), at int) {
	t.Helper()
	w := newWorld(t, controlPath(t))
	var list []control.Request
	var of []pseudonym.OpenedCase
	for range 30 {
		p := newPerson()
		w.keys[p] = true
		r, c := w.open(p, control.EraseAll, time.Time{})
		list, of = append(list, r), append(of, c)
	}
	e := w.eraser()
	e.atOnce = 16
	poison(e, w, list[at].ID)
	if err := e.Accepted(t.Context(), list, of); err != nil {
		t.Fatal(err)
	}
	if err := w.turn(t.Context(), e); err == nil {
		t.Fatal("nothing failed")
	}
	for i := range list {
		if i != at {
			w.complete(list[i].ID)
		}
	}
	got, _, err := w.store.Request(t.Context(), list[at].ID)
	if err != nil || got.State != control.RequestRunning || got.Error == "" || got.Attempts != 1 {
		t.Errorf("the one is %s after %d tries, %q, %v", got.State, got.Attempts, got.Error, err)
	}
	e = w.eraser() // what was wrong is mended
	w.pass(time.Minute)
	if err := w.turn(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.complete(list[at].ID)
}

// TestNothingWorks: where none can be done, all are shown as failing after a few tries.
func TestNothingWorks(t *testing.T) {
	w := newWorld(t, controlPath(t))
	e := w.eraser()
	list := make([]control.Request, 2*triesAtOnce)
	for i := range list {
		list[i].ID[0] = byte(i)
	}
	failed, tries := map[control.RequestID]int{}, 0
	e.deps.Fail = func(_ context.Context, id control.RequestID, _ string, passes bool) error {
		if passes {
			failed[id]++
		}
		return nil
	}
	goesOn, err := e.inHalves(t.Context(), control.StepTold, list, func(context.Context, []control.Request) error {
		tries++
		return errPoisoned
	})
	if !goesOn || !errors.Is(err, errPoisoned) || len(failed) != len(list) || tries > 2*triesAtOnce {
		t.Errorf("%v, %v: %d tries, %d are shown", goesOn, err, tries, len(failed))
	}
	for _, n := range failed {
		if n != 1 {
			t.Fatalf("one is noted %d times", n)
		}
	}
}
