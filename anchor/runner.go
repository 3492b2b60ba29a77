package anchor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
)

// Store is the control store.
type Store interface {
	Writer() ledger.Writer
	Heads(ctx context.Context) ([]ledger.Head, error)
	LastCheckpoint(ctx context.Context, w ledger.Writer) ([]byte, error)
	SaveCheckpoint(ctx context.Context, c checkpoint.Checkpoint, note []byte) error
	Anchored(ctx context.Context, anchor string, w ledger.Writer) (ledger.Number, error)
	SetAnchored(ctx context.Context, anchor string, w ledger.Writer, n ledger.Number) error
}

// Deps are the parts that a Runner calls. Store, Key and Logger are required.
type Deps struct {
	Store      Store
	Key        Key
	Places     []Place
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Runner makes checkpoints of one node's chain.
type Runner struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	last    checkpoint.Checkpoint // zero before the first
	note    []byte
	loaded  bool
	places  []*standing
}

// standing is how far one place is.
type standing struct {
	Place
	number  ledger.Number
	loaded  bool
	put     time.Time // of the last success
	next    time.Time // not tried before
	wait    time.Duration
	failing bool
}

// New makes a runner; it does nothing before Run.
func New(cfg Config, deps Deps) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Key.Signer == nil || deps.Logger == nil {
		return nil, errors.New("anchor: a store, a key and a logger are needed")
	}
	r := &Runner{cfg: cfg, deps: deps}
	for _, p := range deps.Places {
		r.places = append(r.places, &standing{Place: p})
	}
	var err error
	r.metrics, err = newMetrics(deps.Registerer, deps.Places)
	return r, err
}

// Run makes checkpoints and anchors them until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	failing := false
	for {
		if err := r.step(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.metrics.failed.Inc()
			if !failing {
				r.deps.Logger.Warn("no checkpoint of the ledger can be made now", "err", err)
			}
			failing = true
		} else {
			failing = false
		}
		r.anchor(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// step makes a checkpoint if one is due.
func (r *Runner) step(ctx context.Context, now time.Time) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	heads, err := r.deps.Store.Heads(ctx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.Writer == r.deps.Store.Writer() && r.due(h, now) {
			return r.make(ctx, h, now)
		}
	}
	return nil
}

// load reads the last checkpoint, once.
func (r *Runner) load(ctx context.Context) error {
	if r.loaded {
		return nil
	}
	msg, err := r.deps.Store.LastCheckpoint(ctx, r.deps.Store.Writer())
	if err != nil {
		return err
	}
	if msg != nil {
		c, err := checkpoint.Read(msg)
		if err != nil {
			return fmt.Errorf("read the last checkpoint: %w", err)
		}
		r.last, r.note = c, msg
		r.metrics.at(&c)
	}
	r.loaded = true
	return nil
}

func (r *Runner) due(h ledger.Head, now time.Time) bool {
	if h.Number <= r.last.Number {
		return false
	}
	return uint64(h.Number-r.last.Number) >= r.cfg.Entries || now.Sub(r.last.At) >= r.cfg.Every
}

func (r *Runner) make(ctx context.Context, h ledger.Head, now time.Time) error {
	c := checkpoint.Checkpoint{Origin: r.deps.Key.Signer.Name(), Head: h, At: now.UTC().Truncate(time.Second)}
	msg, err := checkpoint.Sign(&c, r.deps.Key.Signer)
	if err != nil {
		return err
	}
	if err := r.deps.Store.SaveCheckpoint(ctx, c, msg); err != nil {
		return err
	}
	r.last, r.note = c, msg
	r.metrics.made.Inc()
	r.metrics.at(&c)
	return nil
}

// anchor gives the newest checkpoint to each place that does not have it. The
// places are tried beside each other: one that does not answer holds up none.
func (r *Runner) anchor(ctx context.Context) {
	if r.note == nil {
		return
	}
	done := make(chan struct{})
	for _, p := range r.places {
		go func() {
			defer func() { done <- struct{}{} }()
			r.put(ctx, p)
		}()
	}
	for range r.places {
		<-done
	}
}

func (r *Runner) put(ctx context.Context, p *standing) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	now := time.Now()
	if now.Before(p.next) || p.loaded && (p.number >= r.last.Number || now.Sub(p.put) < p.Every()) {
		return
	}
	err := r.tryPut(ctx, p)
	if err == nil {
		p.wait, p.next = 0, time.Time{}
		if p.failing {
			r.deps.Logger.Info("checkpoints of the ledger are anchored again", "anchor", p.Name())
		}
		p.failing = false
		return
	}
	r.metrics.refused.WithLabelValues(p.Name()).Inc()
	p.wait = min(max(2*p.wait, r.cfg.Retry), r.cfg.RetryMost)
	p.next = now.Add(p.wait)
	if !p.failing {
		r.deps.Logger.Warn("a checkpoint of the ledger could not be anchored; it is tried again", "anchor", p.Name(), "err", err)
	}
	p.failing = true
}

func (r *Runner) tryPut(ctx context.Context, p *standing) error {
	store := r.deps.Store
	if !p.loaded {
		n, err := store.Anchored(ctx, p.Name(), store.Writer())
		if err != nil {
			return err
		}
		p.number, p.loaded = n, true
		r.metrics.anchored.WithLabelValues(p.Name()).Set(float64(n))
		if n >= r.last.Number {
			return nil
		}
	}
	if err := p.Put(ctx, r.note); err != nil {
		return err
	}
	p.number, p.put = r.last.Number, time.Now()
	r.metrics.anchored.WithLabelValues(p.Name()).Set(float64(p.number))
	return store.SetAnchored(ctx, p.Name(), store.Writer(), p.number)
}
