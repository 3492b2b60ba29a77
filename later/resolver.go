package later

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
)

// Resolver takes events out of the queue once the keyholder answers.
type Resolver struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	said    string // the trouble that was logged last
}

// New makes a resolver.
func New(cfg Config, deps Deps) (*Resolver, error) {
	if err := errors.Join(cfg.validate(), deps.validate()); err != nil {
		return nil, err
	}
	m, err := newMetrics(deps.Registerer, deps.Queue.Stats)
	if err != nil {
		return nil, err
	}
	return &Resolver{cfg: cfg, deps: deps, metrics: m}, nil
}

// waiter is one event of a batch.
type waiter struct {
	rec    []byte
	event  *Event
	opened *pseudonym.Opened // nil: not yet
	out    Outcome
	put    bool // in the spool, maybe not on disk yet
	never  bool // for the quarantine
	done   bool
}

// Run decides about what waits until ctx ends. An event leaves the queue once it is
// in the spool, dropped or in the quarantine; a crash before that begins its batch
// anew, and messageId drops what is doubled.
func (r *Resolver) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		r.batch(ctx)
	}
	return nil
}

// batch takes some events out of the queue, or gives up when ctx ends.
func (r *Resolver) batch(ctx context.Context) {
	var b spool.Batch
	ok := r.try(ctx, func() (err error) {
		b, err = r.deps.Queue.Next(ctx, r.cfg.Rows, 0)
		if r.damaged(err) {
			return nil
		}
		return err
	})
	if !ok || len(b.Records) == 0 {
		return
	}
	waiting := make([]*waiter, len(b.Records))
	for i, rec := range b.Records {
		e, err := Read(rec)
		waiting[i] = &waiter{rec: rec, event: e, never: err != nil}
	}
	if r.try(ctx, func() error { return r.round(ctx, waiting) }) {
		r.try(ctx, func() error { return r.deps.Queue.Release(b.Range) })
	}
}

// try runs an act until it succeeds; false: ctx ended before. Each kind of trouble is
// logged once.
func (r *Resolver) try(ctx context.Context, act func() error) bool {
	for wait := r.cfg.RetryMin; ; wait = min(2*wait, r.cfg.RetryMax) {
		err := act()
		if err == nil {
			r.said = ""
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if text := err.Error(); text != r.said {
			r.said = text
			r.deps.Logger.Warn("events wait for the keyholder", "waiting", r.deps.Queue.Stats().Records, "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// damaged says whether the queue set damage aside. What it lost is counted as
// quarantined: the file is kept.
func (r *Resolver) damaged(err error) bool {
	var damage *spool.CorruptError
	if !errors.As(err, &damage) {
		return false
	}
	r.deps.Logger.Error("a segment of what waits for the keyholder is damaged and set aside", "error", err, "lost", damage.Lost)
	if damage.Lost > 0 {
		r.deps.Fates.Quarantine(damage.Lost)
	}
	return true
}

// round does for a batch what can be done now. It returns nil once every event of it
// has met its fate.
func (r *Resolver) round(ctx context.Context, waiting []*waiter) error {
	if err := r.open(ctx, waiting); err != nil {
		return err
	}
	err := r.resume(ctx, waiting)
	return errors.Join(err, r.settle(ctx, waiting), r.keep(waiting))
}

// open asks the keyholder what was sealed, of those events of which it is not known.
func (r *Resolver) open(ctx context.Context, waiting []*waiter) error {
	var blobs [][]byte
	var of []*waiter
	for _, w := range waiting {
		if w.opened == nil && !w.never {
			blobs, of = append(blobs, w.event.Sealed), append(of, w)
		}
	}
	if len(blobs) == 0 {
		return nil
	}
	opened, err := r.deps.Keyholder.Open(ctx, blobs)
	if err != nil {
		return err
	}
	for i, w := range of {
		w.opened = &opened[i]
		w.never = !opened[i].Readable || !w.fits()
	}
	return nil
}

// fits says whether what was sealed is what the event says of it.
func (w *waiter) fits() bool {
	for i := range w.opened.List {
		if (w.opened.List[i].Kind == event.KindVisitor) != (i < w.event.Visitors) {
			return false
		}
	}
	return w.event.Visitors <= len(w.opened.List)
}

// settle waits until what was put into the spool is on disk.
func (r *Resolver) settle(ctx context.Context, waiting []*waiter) error {
	// Also when ctx ends: what is given up now is in both places, and counted twice.
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(r.cfg.Drain):
			cancel()
		case <-patient.Done():
		}
	})()
	var errs error
	for _, w := range waiting {
		if !w.put || w.done {
			continue
		}
		if err := r.deps.Collector.Settle(patient, w.out); err != nil {
			w.put = false // it was given up
			errs = err
			continue
		}
		w.done = true
		r.metrics.stored.Inc()
	}
	return errs
}

// errKeptFull says that the quarantine takes no more until somebody looks at it.
var errKeptFull = errors.New("the quarantine of what can never be decided is full: move its files elsewhere")

// keep puts what can never be decided into the quarantine, as it is: its identifiers
// stay sealed to the keyholder.
func (r *Resolver) keep(waiting []*waiter) error {
	var recs [][]byte
	size := int64(0)
	for _, w := range waiting {
		if w.never && !w.done {
			recs = append(recs, w.rec)
			size += int64(len(w.rec))
		}
	}
	if len(recs) == 0 {
		return nil
	}
	used, err := r.deps.Kept.Size()
	if err != nil {
		return err
	}
	if used+size > r.cfg.MaxKept {
		return errKeptFull
	}
	if err := r.deps.Kept.Append(recs); err != nil {
		return fmt.Errorf("keep what can never be decided: %w", err)
	}
	for _, w := range waiting {
		if w.never && !w.done {
			w.done = true
			r.metrics.quarantined.Inc()
		}
	}
	r.deps.Fates.Quarantine(len(recs))
	r.deps.Logger.Error("events that waited can never be decided: the keyholder cannot open them, or a key is gone; they are in the quarantine", "events", len(recs))
	return nil
}
