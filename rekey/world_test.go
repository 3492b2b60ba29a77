package rekey_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/standstill"
)

var errAway = errors.New("away")

// row is one stored event: its number, under which version of the key, and where.
type row struct {
	id        int
	version   event.KeyVersion
	partition string
}

// world is a keyholder and a store that several gateways share.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	board *standstill.Board

	version  event.KeyVersion
	revision uint64
	open     bool
	done     int  // times that RotateDone was called
	away     bool // the keyholder does not answer

	rows      []row
	next      int
	rewriting bool
	faults    []string // what fails next, by act
	latest    int      // pass; an earlier one has lost its map
	took      time.Duration
	hung      bool // the store answers nobody
	cleared   int  // times that copies were taken away
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, board: standstill.New(time.Now), version: 1, revision: 1, took: time.Second}
}

// fault says whether an act fails now.
func (w *world) fault(act string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) > 0 && w.faults[0] == act {
		w.faults = w.faults[1:]
		return fmt.Errorf("%s: %w", act, errAway)
	}
	return nil
}

// rotate begins a rotation.
func (w *world) rotate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.revision++
	w.open = true
}

// restart is one of the keyholder: it knows no gateway.
func (w *world) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.board = standstill.New(time.Now)
}

// hang has the store answer nobody, or answer again.
func (w *world) hang(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hung = on
}

func (w *world) takes(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = d
}

// untilRewriting waits until somebody rewrites.
func (w *world) untilRewriting() {
	for !w.isRewriting() {
		time.Sleep(time.Second)
	}
}

// rotated waits until the rotation is done, and a little longer, and checks that
// every event is there once and none under the old key.
func (w *world) rotated(gateways ...*gateway) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Minute); w.isOpen(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the rotation does not come to its end; waiting for %v, %d faults left", w.board.Waits(), len(w.faults))
		}
	}
	time.Sleep(10 * time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[int]int{}
	for _, r := range w.rows {
		seen[r.id]++
		if r.version != w.version {
			w.t.Errorf("event %d is under version %d", r.id, r.version)
		}
	}
	for _, g := range gateways {
		for _, r := range g.queue {
			seen[r.id]++
		}
	}
	for id := 1; id <= w.next; id++ {
		if seen[id] != 1 {
			w.t.Errorf("event %d is there %d times", id, seen[id])
		}
	}
	if w.next < 100 || w.done == 0 {
		w.t.Errorf("%d events, done %d times", w.next, w.done)
	}
}

func (w *world) isOpen() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

func (w *world) isRewriting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rewriting
}
