package rotation

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/keyring"
)

// mapped is what a keyholder hands out to who rewrites.
func mapped(h *holder) map[event.Handle]event.Handle {
	h.tb.Helper()
	all := map[event.Handle]event.Handle{}
	h.must(h.rotator.PurposeMap(context.Background(), func(_, _ uint32, old, current []event.Handle) bool {
		for i := range old {
			all[old[i]] = current[i]
		}
		return true
	}))
	return all
}

// looking has a keyholder look at the keys, as it does each second, until stop.
func looking(t *testing.T, h *holder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() { (&meanwhile{holder: h}).look(ctx) })
	stop = sync.OnceFunc(func() { cancel(); busy.Wait() })
	t.Cleanup(stop)
	return stop
}

// rewriting begins a rotation at a, and checks that gateways of both hold, and that the
// map of either has everybody, whoever made them.
func rewriting(t *testing.T, a, b *holder) {
	t.Helper()
	a.mint(0, some/2)
	for n := some / 2; n < some; n++ {
		b.makes(n)
	}
	before := make([]event.Handles, some)
	for n := range before {
		got, err := a.shared(n)
		a.must(err)
		before[n] = got
	}
	a.must(a.rotator.Start(t.Context(), Profiling, Options{}))
	a.must(a.rotator.Work(t.Context()))
	a.must(b.ring.Refresh(t.Context()))
	if told := b.rotator.Told(t.Context()); len(told) != 1 || told[0].Key != Profiling || !told[0].Waits {
		t.Errorf("the other tells %+v", told)
	}
	holding(t, a, b)
	for _, h := range []*holder{a, b} {
		all := mapped(h)
		for n, was := range before {
			is, err := h.shared(n)
			h.must(err)
			if is.Profiling == was.Profiling || all[was.Profiling] != is.Profiling {
				t.Fatalf("contact %d is not in the map", n)
			}
		}
	}
}

// ended checks that nothing of a rotation is left.
func ended(t *testing.T, h *holder) {
	t.Helper()
	h.must(h.ring.Refresh(t.Context()))
	if n := h.count(Profiling, keyring.StateOld); n != 0 {
		t.Errorf("%d old versions", n)
	}
	if told := h.rotator.Told(t.Context()); len(told) != 0 {
		t.Errorf("still under way: %+v", told)
	}
}

// TestTwoKeyholdersRewrite: one of two keyholders rotates purpose-profiling, and the
// other is told that everything is rewritten.
func TestTwoKeyholdersRewrite(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), kektest.NewToken(t)
	a, _ := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	looking(t, a)
	looking(t, b)
	rewriting(t, a, b)
	told(t, b, a)
	ended(t, a)
	ended(t, b)
}

// TestRewritingOutlivesWhoRotates: the keyholder that rotates ends after the other was
// told that everything is rewritten. The other goes on with that.
func TestRewritingOutlivesWhoRotates(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), kektest.NewToken(t)
	a, shelf := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	stop := looking(t, a)
	looking(t, b)
	rewriting(t, a, b)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := b.rotator.Done(ctx, Profiling); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("done without who rotates: %v", err)
	}
	stop()
	a.must(shelf.Close())
	eventually(t, "the other goes on", func() bool {
		b.must(b.rotator.Work(t.Context()))
		return b.count(Profiling, keyring.StateOld) == 0
	})
	ended(t, b)
}

// holding takes the lease at one keyholder for a gateway while those of both hold.
func holding(t *testing.T, a, b *holder) {
	t.Helper()
	if held, _, err := b.rotator.Lease(t.Context(), "one", false); held || err != nil {
		t.Fatalf("a lease before all have surely looked at the keys: %v", err)
	}
	eventually(t, "the lease", func() bool {
		var hold [2]bool
		for i, h := range []*holder{a, b} {
			var err error
			hold[i], err = h.rotator.Seen(t.Context(), "cert:gate", []string{"two", "three"}[i], true, h.ring.Revision())
			h.must(err)
		}
		held, until, err := b.rotator.Lease(t.Context(), "one", false)
		b.must(err)
		if held && (!hold[0] || !hold[1] || time.Until(until) <= 0) {
			t.Error("held while a gateway goes on")
		}
		return held
	})
	_, _, err := b.rotator.Lease(t.Context(), "one", true)
	b.must(err)
}

// told says at one keyholder that all is rewritten, while another rotates.
func told(t *testing.T, teller, leader *holder) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	working := make(chan struct{})
	go func() {
		defer close(working)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if err := leader.rotator.Work(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			<-tick.C
		}
	}()
	teller.must(teller.rotator.Done(t.Context(), Profiling))
	stop()
	<-working
	if n := teller.count(Profiling, keyring.StateOld); n != 0 {
		t.Errorf("%d old versions", n)
	}
}
