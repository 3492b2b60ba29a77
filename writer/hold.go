package writer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// holds keep ranges from being begun, and know how many are under way.
type holds struct {
	mu      sync.Mutex
	held    int // holders
	under   int // ranges that are begun and not released
	since   time.Time
	changed chan struct{} // closed at every change
}

// enter waits until nobody holds, and counts a range as begun.
func (h *holds) enter(ctx context.Context) error {
	return h.await(ctx, func() bool {
		if h.held == 0 {
			h.under++
			return true
		}
		return false
	})
}

// await asks at each change, under the lock, until it is so.
func (h *holds) await(ctx context.Context, is func() bool) error {
	for {
		h.mu.Lock()
		if is() {
			h.mu.Unlock()
			return nil
		}
		changed := h.watchLocked()
		h.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave says that a range is released, or was none.
func (h *holds) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.under--
	h.tellLocked()
}

// stop says that nothing is under way any more.
func (h *holds) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.under = 0
	h.tellLocked()
}

func (h *holds) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held++; h.held == 1 {
		h.since = time.Now()
	}
}

func (h *holds) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held--
	h.tellLocked()
}

// still waits until no range is under way.
func (h *holds) still(ctx context.Context) error {
	return h.await(ctx, func() bool { return h.under == 0 })
}

// active says whether somebody holds, and for how long.
func (h *holds) active() (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == 0 {
		return 0, false
	}
	return time.Since(h.since), true
}

func (h *holds) watchLocked() <-chan struct{} {
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

func (h *holds) tellLocked() {
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// Hold returns when every range that was begun is stored and released, and no
// other is begun until resume is called: nothing of this process is inserted
// meanwhile, and events gather in the spool. It may be called whether Run runs or
// not, and by several; resume twice is fine. After an error nothing is held.
func (w *Writer) Hold(ctx context.Context) (resume func(), err error) {
	w.holds.begin()
	w.gathering.interrupt() // what gathers is taken after the hold
	if err := w.holds.still(ctx); err != nil {
		w.holds.end()
		return nil, fmt.Errorf("hold the writer: %w", err)
	}
	return sync.OnceFunc(w.holds.end), nil
}
