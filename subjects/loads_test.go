package subjects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// many returns identities that nobody has asked for.
func many(name string, n int) []Identity {
	ids := make([]Identity, n)
	for i := range ids {
		ids[i] = visitor(fmt.Sprint(name, i))
	}
	return ids
}

// start loads in the background.
func (w *world) start(ctx context.Context, ids []Identity) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.set.Load(ctx, site, time.Now(), ids, make([]Entry, len(ids))) }()
	return done
}

// hold makes the keyholder wait until the returned function is called.
func (w *world) hold() (release func()) {
	gate := make(chan struct{})
	w.keys.set(func() { w.keys.gate = gate })
	return sync.OnceFunc(func() {
		w.keys.set(func() { w.keys.gate = nil })
		close(gate)
	})
}

// waitIsOver lets what gathers go, as when Wait is over.
func (w *world) waitIsOver() {
	for _, l := range w.set.loads.lanes() {
		l.mu.Lock()
		l.went = time.Time{}
		l.startLocked()
		l.mu.Unlock()
	}
}

// TestMissesGatherBehindOne: a miss goes at once when none is on its way. Those
// that come meanwhile go together when that one is back, before Wait is over.
func TestMissesGatherBehindOne(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Wait = time.Minute })
	for i := range 3 {
		w.load(visitor(fmt.Sprint("lone", i)))
	}
	release := w.hold()
	waiting := []<-chan error{w.start(context.Background(), many("first", 1))}
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	for i := range 5 {
		waiting = append(waiting, w.start(context.Background(), many(fmt.Sprint(i, "-"), 2)))
	}
	eventually(t, func() bool { return w.set.loads.small.waiting() == 10 })
	if calls := w.keys.resolves.Load(); calls != 4 {
		t.Errorf("%d calls while one is on its way", calls)
	}
	release()
	for _, done := range waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if calls, asked := w.keys.resolves.Load(), w.keys.asked.Load(); calls != 5 || asked != 14 {
		t.Errorf("%d calls for %d identifiers", calls, asked)
	}
	if w.set.loads.waiting() != 0 {
		t.Error("somebody waits still")
	}
}

// TestManyGatherForAllOfWait: after a batch of more than few, the next one gathers
// until Wait is over, whether that one is back or not.
func TestManyGatherForAllOfWait(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Wait = time.Minute })
	w.load(many("first", few+1)...)
	done := w.start(context.Background(), many("second", 1))
	eventually(t, func() bool { return w.set.loads.small.waiting() == 1 })
	if calls := w.keys.resolves.Load(); calls != 1 {
		t.Errorf("%d calls before Wait is over", calls)
	}
	w.waitIsOver()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestWaitEnds: nothing but the lane's own timer sends the second batch off.
func TestWaitEnds(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Wait = 20 * time.Millisecond })
	release := w.hold()
	var waiting []<-chan error
	for i := range 3 {
		waiting = append(waiting, w.start(context.Background(), many(fmt.Sprint(i, "-"), 1)))
		eventually(t, func() bool { return len(w.keys.entered) == i+1 })
	}
	release()
	for _, done := range waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestWhoIsMadeHoldsUpNobodyElse: a visitor does not wait for a batch of contacts
// that may have to be made.
func TestWhoIsMadeHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Wait = time.Minute })
	release := w.hold()
	waiting := []<-chan error{w.start(context.Background(), []Identity{visitor("v"), user("c")})}
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	waiting = append(waiting, w.start(context.Background(), many("w", 1)))
	eventually(t, func() bool { return len(w.keys.entered) == 2 })
	release()
	for _, done := range waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w.load(user("c")) // known by now
	if calls := w.keys.resolves.Load(); calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

// TestManyMissesComeInPieces: one load has one batch under way after the other,
// and answers all of them.
func TestManyMissesComeInPieces(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads, c.Wait = 20, 16, time.Minute })
	release := w.hold()
	ids := many("v", 90)
	done := w.start(context.Background(), ids)
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	if asked := w.keys.asked.Load(); asked != 20 {
		t.Errorf("%d identifiers of one load are asked for at once", asked)
	}
	release()
	eventually(t, func() bool { return w.set.loads.large.waiting() == 10 })
	w.waitIsOver()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if asked := w.keys.asked.Load(); asked != 90 {
		t.Errorf("%d identifiers were asked for", asked)
	}
	for i, e := range w.load(ids...) {
		if e.h1 != ids[i].H1 {
			t.Fatalf("place %d holds somebody else", i)
		}
	}
}

// TestLargeLoadsLeaveRoomForSmallOnes: with every place for large loads taken
// and more of them waiting, one event's load goes at once.
func TestLargeLoadsLeaveRoomForSmallOnes(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads = 20, 4 })
	release := w.hold()
	var large []<-chan error
	for i := range 40 {
		large = append(large, w.start(context.Background(), many(fmt.Sprint(i, "-"), 100)))
	}
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	var small []<-chan error
	for i := range 3 {
		small = append(small, w.start(context.Background(), many(fmt.Sprint("small", i, "-"), smallLoad)))
		eventually(t, func() bool { return len(w.keys.entered) >= 2 })
	}
	release()
	for _, done := range append(large, small...) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestLoadsWaitInTurn: with no room, a load waits for it instead of failing, and
// what waits is bounded.
func TestLoadsWaitInTurn(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads, c.Wait = 2, 3, 0 })
	release := w.hold()
	var waiting []<-chan error
	for i := range 50 {
		waiting = append(waiting, w.start(context.Background(), many(fmt.Sprint(i, "-"), 1)))
	}
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	lane := &w.set.loads.small
	eventually(t, func() bool { return !lane.room.TryAcquire(1) || releaseOne(lane) })
	if got := len(w.keys.entered); got != 1 {
		t.Errorf("%d batches are under way in one place", got)
	}
	lane.mu.Lock()
	if lane.flying != 1 || len(lane.full) > 1 {
		t.Errorf("%d under way, %d full ones wait", lane.flying, len(lane.full))
	}
	lane.mu.Unlock()
	release()
	for _, done := range waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// releaseOne gives back what a test took, and reports that there was room.
func releaseOne(l *lane) bool {
	l.room.Release(1)
	return false
}

// TestWaitForRoomIsBounded: by the caller's context, and by Timeout.
func TestWaitForRoomIsBounded(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads, c.Timeout = 1, 3, 300*time.Millisecond })
	lane := &w.set.loads.small
	if !lane.room.TryAcquire(1) {
		t.Fatal("there is no room")
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := w.start(ctx, many("gone", 1))
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	if err := <-w.start(context.Background(), many("late", 1)); !errors.Is(err, ErrKeyholderAway) {
		t.Errorf("no room within Timeout: %v", err)
	}
	lane.room.Release(1)
	if err := <-w.start(context.Background(), many("late", 1)); err != nil {
		t.Error(err)
	}
}

// TestRoomComesBack: whatever becomes of loads, the room they took is free again.
func TestRoomComesBack(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads, c.Timeout = 4, 4, 200*time.Millisecond })
	full := func() {
		t.Helper()
		for _, l := range w.set.loads.lanes() {
			eventually(t, func() bool {
				if !l.room.TryAcquire(int64(l.places * 4)) {
					return false
				}
				l.room.Release(int64(l.places * 4))
				return true
			})
		}
	}
	w.load(append(many("a", 3), many("a", 3)...)...) // each twice in one load
	w.load(many("b", 40)...)
	full()
	w.keys.set(func() { w.keys.err = errAway })
	for _, n := range []int{1, 40} {
		if err := <-w.start(context.Background(), many("c", n)); !errors.Is(err, ErrKeyholderAway) {
			t.Errorf("got %v", err)
		}
	}
	full()
	w.keys.set(func() { w.keys.err = nil })
	release := w.hold()
	ctx, cancel := context.WithCancel(t.Context())
	gone := w.start(ctx, many("d", 40))
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	full()
}

func TestCloseEndsLoadsThatWait(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Batch, c.Loads, c.Wait = 2, 3, time.Minute })
	release := w.hold()
	var waiting []<-chan error
	for i := range 20 {
		waiting = append(waiting, w.start(context.Background(), many(fmt.Sprint(i, "-"), 1)))
	}
	eventually(t, func() bool { return len(w.keys.entered) == 1 })
	closed := make(chan error, 1)
	go func() { closed <- w.set.Close() }()
	eventually(t, func() bool {
		w.set.loads.large.mu.Lock()
		defer w.set.loads.large.mu.Unlock()
		return w.set.loads.large.closed
	})
	release()
	for _, done := range waiting {
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
