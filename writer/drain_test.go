package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestDrainBeforeRun: Drain returns at its deadline when nothing ships, and at
// once when nothing waits.
func TestDrainBeforeRun(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	defer p.end()
	if err := p.writer.Drain(t.Context()); err != nil {
		t.Fatalf("with nothing to ship: %v", err)
	}
	p.accept(encoded("a", ""))
	deadline, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if err := p.writer.Drain(deadline); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with nobody shipping: %v", err)
	}
	p.run()
	if p.drain() || st.stored()["shop|a"] != 1 {
		t.Fatal("not shipped after all")
	}
}

// TestDrainHurries: records that gather for an hour go at once, for everybody who
// drains.
func TestDrainHurries(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	cfg := testConfig(dir)
	cfg.Linger, cfg.MaxLinger = time.Hour, time.Hour
	p := begin(t, dir, st, cfg, quiet)
	defer p.end()
	p.accept(encoded("a", ""), encoded("b", ""))
	p.run()
	eventually(t, "the writer works", func() bool { return p.spool.Stats().OldestAge > 0 })
	drained := make(chan error, 3)
	for range cap(drained) {
		go func() {
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			defer stop()
			drained <- p.writer.Drain(ctx)
		}()
	}
	for range cap(drained) {
		if err := <-drained; err != nil {
			t.Fatal(err)
		}
	}
	if len(st.stored()) != 2 {
		t.Fatalf("stored %v", st.stored())
	}
	p.accept(encoded("c", "")) // after a Drain nothing gathers any more
	if p.drain() || len(st.stored()) != 3 {
		t.Fatal("a record after Drain is not shipped")
	}
}

// TestDrainGivesUp: with the store away Drain returns at its deadline, and what is
// left is shipped by the next process.
func TestDrainGivesUp(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	st.setAway(true)
	p := begin(t, dir, st, testConfig(dir), quiet)
	for i := range 20 {
		p.accept(encoded(fmt.Sprint(i), ""))
	}
	p.run()
	deadline, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := p.writer.Drain(deadline); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	p.end()
	st.setAway(false)
	if got, _ := life(t, dir, st, nil); got.stored != 20 || len(st.rows) != 20 {
		t.Fatalf("fates %+v", got)
	}
}
