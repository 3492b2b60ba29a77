package erasing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"zgoda/control"
	"zgoda/killpoint"
)

// self is who acts where nobody does.
const self = "zgoda"

// Eraser carries erasures out. It is safe for concurrent use.
type Eraser struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{} // for who takes rows away
	finish  chan struct{} // for who tells, destroys and certifies

	// step is told of each durable point, where tests stop it.
	step func(point string)

	atOnce int // how many erasures are looked at together after the proof

	cleared bool // what others left behind is gone; of the goroutine that takes rows away

	mu    sync.Mutex
	waits map[control.RequestID]time.Time // requests that wait for somebody: when they are looked at again
	told  map[control.RequestID]bool      // whose recipients have a notice since this start
	swept time.Time
	// outages are how often in turn each part found something away.
	outages map[string]int
	warned  string // the last trouble that was logged
}

// New makes an Eraser. Run carries out.
func New(cfg Config, deps Deps) (*Eraser, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Subjects == nil || deps.Keys == nil || deps.Hider == nil || deps.Table == nil || deps.Journal == nil ||
		deps.Notices == nil || deps.Signer == nil || deps.Horizons == nil || deps.Fail == nil || deps.Waits == nil || deps.Sites == nil || deps.Rests == nil {
		return nil, errors.New("erasing: a part is missing")
	}
	e := &Eraser{
		cfg: cfg, deps: deps, log: deps.Logger, metrics: newMetrics(), wake: make(chan struct{}, 1), finish: make(chan struct{}, 1),
		step: func(point string) { killpoint.At("erasing " + point) }, waits: map[control.RequestID]time.Time{}, told: map[control.RequestID]bool{},
		outages: map[string]int{}, atOnce: endAtOnce,
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.deps.Now == nil {
		e.deps.Now = time.Now
	}
	return e, e.metrics.register(deps.Registerer)
}

func (e *Eraser) now() time.Time { return e.deps.Now().UTC().Truncate(time.Microsecond) }

// Perform implements rights.Performer: an erasure is carried out by Run.
func (e *Eraser) Perform(context.Context, control.Request) error {
	e.hurry()
	return nil
}

// hurry has Run look at once.
func (e *Eraser) hurry() {
	for _, c := range []chan struct{}{e.wake, e.finish} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Settled has Run look at an erasure again at once for which a recipient or a task was
// waited for.
func (e *Eraser) Settled(_ context.Context, id control.RequestID) error {
	e.mu.Lock()
	delete(e.waits, id)
	e.mu.Unlock()
	e.hurry()
	return nil
}

// ready says whether an erasure is to be looked at now.
func (e *Eraser) ready(id control.RequestID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, waits := e.waits[id]
	return !waits || !e.now().Before(at)
}

// later looks at an erasure again after some time: what it waits for tells of itself
// through Settled, on this node.
func (e *Eraser) later(id control.RequestID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waits[id] = e.now().Add(10 * e.cfg.Poll)
}

// forget drops what is remembered of erasures that are over.
func (e *Eraser) forget(ids []control.RequestID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		delete(e.waits, id)
		delete(e.told, id)
	}
}

// trouble logs a failure once, until another or none follows.
func (e *Eraser) trouble(ctx context.Context, act string, err error) {
	if ctx.Err() != nil {
		return
	}
	text := act
	if err != nil {
		text += ": " + err.Error()
	}
	e.mu.Lock()
	again := e.warned == text
	e.warned = text
	e.mu.Unlock()
	if err != nil && !again {
		e.log.Warn("an erasure waits", "act", act, "error", err)
	}
}
