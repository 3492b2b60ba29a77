package subjects

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// rotating is a keyholder whose purpose key has versions.
type rotating struct {
	*keyholder
	version atomic.Uint32
}

func (r *rotating) Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	version := event.KeyVersion(r.version.Load()) // before it may wait: a load that was under way
	out, err := r.keyholder.Resolve(ctx, queries)
	for i := range out {
		out[i].Version = 1
		if queries[i].Kind != event.KindVisitor {
			out[i].Version, out[i].Profiling[15] = version, byte(version)
		}
	}
	return out, err
}

// newRotating is a world whose keyholder has a second version of the purpose key.
func newRotating(t *testing.T) (*rotating, *world) {
	t.Helper()
	w := newWorld(t)
	k := &rotating{keyholder: w.keys}
	k.version.Store(1)
	if err := w.set.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.set, err = New(w.cfg, Deps{Resolver: k, Store: w.slow, Policies: policies}); err != nil {
		t.Fatal(err)
	}
	return k, w
}

// TestForget: after Forget nothing is accepted of a contact under the version,
// whether it was in memory, is in a request's hands or comes of a load that was
// under way; the next load has the new pseudonym, and visitors lose nothing.
func TestForget(t *testing.T) {
	k, w := newRotating(t)
	s := w.set
	before := w.load(user("jana"), visitor("cookie"))
	if before[0].Handles.Version != 1 || before[1].Handles.Version != 1 {
		t.Fatal(before[0].Handles.Version, before[1].Handles.Version)
	}
	gate := make(chan struct{})
	k.set(func() { k.gate = gate })
	late := make(chan Entry, 1)
	go func() {
		out := make([]Entry, 1)
		_ = s.Load(context.Background(), site, time.Now(), []Identity{user("peter")}, out)
		late <- out[0]
	}()
	eventually(t, func() bool { return len(k.entered) > 0 })
	k.version.Store(2)
	s.Forget(1)
	k.set(func() { k.gate = nil })
	close(gate)
	stale := <-late
	for _, e := range []Entry{before[0], stale} {
		if err := s.Accept([]Entry{e}, func() error { return nil }); !errors.Is(err, ErrStale) {
			t.Fatalf("accepted under version %d: %v", e.Handles.Version, err)
		}
	}
	if err := s.Accept(before[1:], func() error { return nil }); err != nil {
		t.Fatal("the visitor:", err)
	}
	asked := k.asked.Load()
	after := w.load(user("jana"), visitor("cookie"), user("peter"))
	if after[0].Handles.Version != 2 || after[0].Handles.Profiling == before[0].Handles.Profiling || after[2].Handles.Version != 2 {
		t.Fatal("loaded under the old version")
	}
	if n := k.asked.Load() - asked; n != 2 {
		t.Fatalf("%d were asked for", n)
	}
	if err := s.Accept(after, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestForgetWaits: a put that runs has ended when Forget returns.
func TestForgetWaits(t *testing.T) {
	_, w := newRotating(t)
	s, entries := w.set, w.load(user("jana"))
	var puts, forgotten atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for s.Accept(entries, func() error {
				if forgotten.Load() != 0 {
					t.Error("put after Forget")
				}
				puts.Add(1)
				return nil
			}) == nil {
			}
		})
	}
	eventually(t, func() bool { return puts.Load() > 100 })
	s.Forget(1)
	forgotten.Store(1)
	wg.Wait()
}

// TestForgetsFew: so many versions are remembered, the latest.
func TestForgetsFew(t *testing.T) {
	var r retired
	for v := range event.KeyVersion(100) {
		r.add(v)
		r.add(v)
	}
	for v := range event.KeyVersion(100) {
		e := Entry{kind: event.KindEmail, Handles: event.Handles{Version: v}}
		if r.has(&e) != (v >= 100-keptRetired) {
			t.Fatalf("version %d: %t", v, r.has(&e))
		}
	}
}
