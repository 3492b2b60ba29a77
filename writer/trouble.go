package writer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// poisonous says whether an error refuses the rows for their content, after which
// none of them is stored.
func poisonous(err error) bool {
	var p interface{ Poison() bool }
	return errors.As(err, &p) && p.Poison()
}

// unsent says whether an error came before any row had left, so that the outcome
// is known: nothing is stored.
func unsent(err error) bool {
	var u interface{ Unsent() bool }
	return errors.As(err, &u) && u.Unsent()
}

// tooMuch says whether an error means that fewer rows at once might do.
func tooMuch(err error) bool {
	var t interface{ TooMuch() bool }
	return errors.As(err, &t) && t.TooMuch()
}

// why returns the class of an error, for the metric: one of a closed set.
func why(err error) string {
	var c interface{ Class() string }
	if errors.As(err, &c) && slices.Contains(classes, c.Class()) {
		return c.Class()
	}
	return classOther
}

// patience is one step that is tried until it succeeds: with growing pauses, one
// line in the log when its trouble begins, changes and ends, and a metric between.
type patience struct {
	w      *Writer
	act    string
	pauses *backoff.ExponentialBackOff
	failed int
	class  string
}

func (w *Writer) patience(act string) *patience {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = w.cfg.RetryMin, w.cfg.RetryMax
	return &patience{w: w, act: act, pauses: pauses}
}

// wait says what failed and pauses. It returns the context's error.
func (p *patience) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.w.metrics.retries.Inc()
	if class := why(err); p.failed == 0 || class != p.class {
		p.leave()
		p.class = class
		p.w.metrics.stalled[class].Inc()
		p.w.log.Warn("the writer waits and tries again", "step", p.act, "why", class, "error", err)
	}
	p.failed++
	return pause(ctx, p.pauses.NextBackOff())
}

// over says that the step succeeded.
func (p *patience) over() {
	if p.failed > 0 {
		p.w.log.Info("the writer goes on", "step", p.act, "failures", p.failed)
	}
	p.leave()
	p.failed = 0
	p.pauses.Reset()
}

// leave takes the step out of the metric. Twice is fine.
func (p *patience) leave() {
	if p.class != "" {
		p.w.metrics.stalled[p.class].Dec()
		p.class = ""
	}
}

// try repeats a step until it succeeds or ctx ends.
func (w *Writer) try(ctx context.Context, act string, step func() error) error {
	err := step()
	if err == nil {
		return nil
	}
	p := w.patience(act)
	defer p.leave()
	for ; err != nil; err = step() {
		if err := p.wait(ctx, err); err != nil {
			return err
		}
	}
	p.over()
	return nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
