package consoletest

import (
	"context"
	"sync"

	"zgoda/event"
)

// Waiting counts the events that wait, in memory.
type Waiting struct {
	mu     sync.Mutex
	away   bool
	events map[event.Handle]int
}

// SetAway makes every call fail, or work again.
func (w *Waiting) SetAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// Add lets events of a person wait.
func (w *Waiting) Add(h event.Handle, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.events == nil {
		w.events = map[event.Handle]int{}
	}
	w.events[h] += n
}

// Erase erases what waits of these people.
func (w *Waiting) Erase(_ context.Context, handles []event.Handle) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return 0, ErrAway
	}
	for _, h := range handles {
		n += w.events[h]
		delete(w.events, h)
	}
	return n, nil
}
