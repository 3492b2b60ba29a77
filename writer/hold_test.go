package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// hold holds and fails the test when that does not end.
func (p *process) hold() (resume func()) {
	ctx, stop := context.WithTimeout(p.ctx, 20*time.Second)
	defer stop()
	resume, err := p.writer.Hold(ctx)
	if err != nil {
		p.t.Fatalf("hold: %v", err)
	}
	return resume
}

// staysAt fails the test unless so many are stored, also after a while in which
// the writer was asked to ship what waits.
func (p *process) staysAt(st *store, n int) {
	ctx, stop := context.WithTimeout(p.ctx, 50*time.Millisecond)
	defer stop()
	if err := p.writer.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		p.t.Fatalf("drained while held: %v", err)
	}
	if got := len(st.stored()); got != n {
		p.t.Fatalf("%d stored while held, want %d", got, n)
	}
}

// TestHold: nothing is stored from Hold's return until resume, whatever is under
// way or waits, idle or not, once or many times; then all of it arrives once.
func TestHold(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	defer p.end()
	p.run()
	p.hold()() // nothing is under way
	accepted := 0
	for round := range 20 {
		for range 10 {
			p.accept(encoded(fmt.Sprint(accepted), ""))
			accepted++
		}
		first, second := p.hold(), p.hold()
		stored := len(st.stored())
		if p.metric("ranges_in_flight") != 0 {
			t.Fatal("a range is in flight")
		}
		p.accept(encoded(fmt.Sprint(accepted), ""))
		accepted++
		if round%10 == 0 {
			p.staysAt(st, stored)
			first()
			first() // twice is fine
			p.staysAt(st, stored)
			if p.metric("held_seconds") <= 0 {
				t.Fatal("the metric does not say so")
			}
		}
		first()
		second()
	}
	if p.drain() || len(st.stored()) != accepted {
		t.Fatalf("%d stored of %d", len(st.stored()), accepted)
	}
	for id, n := range st.stored() {
		if n != 1 {
			t.Fatalf("%s stored %d times", id, n)
		}
	}
	if p.metric("held_seconds") != 0 {
		t.Fatal("held still")
	}
}

// TestHoldAway: a range that is under way and cannot be stored keeps Hold waiting,
// and when it is given up nothing is held.
func TestHoldAway(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	st.setAway(true)
	p := begin(t, dir, st, withoutSeed(dir), quiet)
	defer p.end()
	p.run()
	p.accept(encoded("a", ""))
	eventually(t, "a range is in flight", func() bool { return p.metric("ranges_in_flight") >= 1 && p.metric("retries_total") > 0 })
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := p.writer.Hold(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	st.setAway(false)
	p.accept(encoded("b", ""))
	if p.drain() || len(st.stored()) != 2 {
		t.Fatal(st.stored())
	}
}

// TestHoldFirst: a hold from before the start keeps back what an earlier process
// had begun, too.
func TestHoldFirst(t *testing.T) {
	dir, st := t.TempDir(), newStore([]fault{faultCrash})
	died := begin(t, dir, st, testConfig(dir), quiet)
	died.run()
	died.accept(encoded("a", ""), encoded("b", ""))
	if !died.drain() {
		t.Fatal("did not die")
	}
	died.end()
	p := begin(t, dir, st, testConfig(dir), quiet)
	defer p.end()
	resume := p.hold()
	p.run()
	p.staysAt(st, 0)
	resume()
	if p.drain() || len(st.stored()) != 2 {
		t.Fatal(st.stored())
	}
}
