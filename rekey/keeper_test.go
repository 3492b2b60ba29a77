package rekey_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/rekey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inTime runs a test on a clock of its own.
func inTime(t *testing.T, do func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		do(t, w)
	})
}

// TestOneGateway: a rotation under load, from the old key to a new one, and again.
func TestOneGateway(t *testing.T) {
	inTime(t, func(_ *testing.T, w *world) {
		g := w.start("one", true)
		defer g.stop()
		for range 3 {
			time.Sleep(10 * time.Second)
			w.rotate()
			w.rotated(g)
		}
	})
}

// TestManyGateways: one of them rewrites while none stores.
func TestManyGateways(t *testing.T) {
	inTime(t, func(_ *testing.T, w *world) {
		a, b, c := w.start("a", true), w.start("b", false), w.start("c", true)
		defer a.stop()
		defer b.stop()
		defer c.stop()
		time.Sleep(20 * time.Second)
		w.rotate()
		w.rotated(a, b, c)
	})
}

// TestEveryStepFails: whatever fails, and again, it comes to its end.
func TestEveryStepFails(t *testing.T) {
	for _, act := range []string{
		"attend", "refetch", "resolve", "flush", "hold", "lease", "begin", "map", "partitions", "rewrite", "links", "left", "end", "done", "clear",
	} {
		t.Run(act, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world) {
				t.Helper()
				a, b := w.start("a", true), w.start("b", false)
				defer a.stop()
				defer b.stop()
				time.Sleep(20 * time.Second)
				w.mu.Lock()
				w.faults = []string{act, act, act}
				w.mu.Unlock()
				w.rotate()
				w.rotated(a, b)
				if len(w.faults) > 0 {
					t.Errorf("%d faults did not happen", len(w.faults))
				}
			})
		})
	}
}

// TestLeaderGoes: it dies, or stops in order, in the middle of its work. Another goes
// on, or it does itself when it is back with the spool of its earlier life.
func TestLeaderGoes(t *testing.T) {
	for name, way := range map[string]struct{ back, killed bool }{
		"dies, another goes on": {killed: true}, "dies and is back": {back: true, killed: true},
		"stops, another goes on": {}, "stops and is back": {back: true},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(_ *testing.T, w *world) {
				a := w.start("a", true)
				time.Sleep(5 * time.Second)
				b := w.start("b", !way.back)
				defer func() { b.stop() }()
				time.Sleep(20 * time.Second)
				w.mu.Lock()
				w.took = 10 * time.Second
				w.mu.Unlock()
				w.rotate()
				time.Sleep(6 * time.Second) // in the middle of a partition, or before
				if way.killed {
					a.kill()
				} else {
					a.stop()
				}
				a = w.start("a", way.back, a.queue...)
				defer func() { a.stop() }()
				w.rotated(a, b)
			})
		})
	}
}

// TestKeyholderAway: while it is away in the middle nobody stores and nobody
// rewrites on, and when it is back all goes on.
func TestKeyholderAway(t *testing.T) {
	inTime(t, func(_ *testing.T, w *world) {
		a, b := w.start("a", true), w.start("b", true)
		defer a.stop()
		defer b.stop()
		time.Sleep(20 * time.Second)
		w.took = 8 * time.Second
		w.rotate()
		time.Sleep(5 * time.Second)
		w.mu.Lock()
		w.away = true
		w.mu.Unlock()
		time.Sleep(2 * time.Minute)
		w.mu.Lock()
		w.away = false
		w.mu.Unlock()
		w.rotated(a, b)
	})
}

// TestKeyholderBehind: one of several keyholders answers that has not seen a change of
// the keys yet. The gateway does not go back to what it has left: it would have to forget
// everybody under the new key, for good.
func TestKeyholderBehind(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		t.Helper()
		g := w.start("one", true)
		defer g.stop()
		time.Sleep(10 * time.Second)
		w.rotate()
		w.rotated(g)
		for range 2 {
			for range 2 {
				w.mu.Lock()
				w.version, w.revision = 3-w.version, 3-w.revision
				w.mu.Unlock()
				time.Sleep(3 * time.Second)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.version != 2 || !slices.Equal(g.forgot, []event.KeyVersion{1}) {
			t.Errorf("version %d, forgotten %v", w.version, g.forgot)
		}
	})
}

// TestNobodyMay: without a gateway that may look after keys nothing is rewritten,
// and everything else goes on, under the new key.
func TestNobodyMay(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		t.Helper()
		g := w.start("one", false)
		defer g.stop()
		time.Sleep(10 * time.Second)
		w.rotate()
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if last := w.rows[len(w.rows)-1]; !w.open || last.version != 2 || len(g.queue) > 20 {
			t.Fatalf("open %t, the last event is stored under version %d, %d wait", w.open, last.version, len(g.queue))
		}
	})
}

func TestValidate(t *testing.T) {
	if err := rekey.DefaultConfig("node").Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*rekey.Config){
		func(c *rekey.Config) { c.Node = "" },
		func(c *rekey.Config) { c.Poll = 0 },
		func(c *rekey.Config) { c.Fill = 2 },
	} {
		c := rekey.DefaultConfig("node")
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	if _, err := rekey.New(rekey.DefaultConfig("node"), rekey.Deps{}); err == nil {
		t.Error("made of nothing")
	}
}
