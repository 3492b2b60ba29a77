package rekey_test

import (
	"sync"
	"testing"
	"time"
)

// TestFollowerStops: a gateway that stops while another rewrites stores nothing any
// more, since that would be lost in the exchange; it does when it is back.
func TestFollowerStops(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		t.Helper()
		a := w.start("a", true)
		defer a.stop()
		b := w.start("b", false)
		time.Sleep(20 * time.Second)
		w.takes(30 * time.Second)
		w.rotate()
		w.untilRewriting()
		b.stop()
		if len(b.queue) == 0 {
			t.Error("nothing was spooled while it was held")
		}
		b = w.start("b", false, b.queue...)
		defer b.stop()
		w.rotated(a, b)
	})
}

// TestFollowerStopsBetween: a gateway that stops while it is held for a moment stores
// what it has spooled once it is let go, before it ends.
func TestFollowerStopsBetween(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		t.Helper()
		a := w.start("a", true)
		defer a.stop()
		b := w.start("b", false)
		time.Sleep(20 * time.Second)
		w.takes(4 * time.Second)
		w.rotate()
		w.untilRewriting()
		b.stop()
		if len(b.queue) > 0 {
			t.Errorf("%d events stay in its spool", len(b.queue))
		}
		b = w.start("b", false)
		defer b.stop()
		w.rotated(a, b)
	})
}

// TestKeyholderRestartsAsFollowerStops: a keyholder that has just started knows of the
// gateways that it hears of. One that stops and stores what is spooled is one of them.
func TestKeyholderRestartsAsFollowerStops(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		t.Helper()
		a := w.start("a", true)
		defer a.stop()
		b := w.start("b", false)
		time.Sleep(20 * time.Second)
		b.cut(true)
		time.Sleep(10 * time.Second) // what gathers takes seven more to store
		b.cut(false)
		w.takes(10 * time.Second)
		w.restart()
		w.rotate()
		b.stop()
		b = w.start("b", false, b.queue...)
		defer b.stop()
		w.rotated(a, b)
	})
}

// TestLeaderStopsAsStoreHangs: an exchange that is under way on a server that hangs
// happens after the one who sent it is gone, unless whoever stores then takes its copy
// away before.
func TestLeaderStopsAsStoreHangs(t *testing.T) {
	for name, stop := range map[string]func(*gateway){"in order": func(g *gateway) { g.stop() }, "killed": func(g *gateway) { g.kill() }} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(_ *testing.T, w *world) {
				a, b := w.start("a", true), w.start("b", false)
				defer b.stop()
				time.Sleep(20 * time.Second)
				w.takes(5 * time.Second)
				w.rotate()
				w.untilRewriting()
				w.hang(true)
				var stopped sync.WaitGroup
				stopped.Go(func() { stop(a) })
				time.Sleep(time.Minute)
				w.hang(false)
				stopped.Wait()
				time.Sleep(10 * time.Second)
				a = w.start("a", true, a.queue...)
				defer a.stop()
				w.rotated(a, b)
			})
		})
	}
}
