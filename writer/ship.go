package writer

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"zgoda/event"
	"zgoda/spool"
)

// try repeats a step with growing pauses until it succeeds or ctx ends. The
// first failure of a row of them is logged, and the end of the row.
func (w *Writer) try(ctx context.Context, act string, step func() error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = w.cfg.RetryMin, w.cfg.RetryMax
	for n := 0; ; n++ {
		err := step()
		if err == nil {
			if n > 0 {
				w.log.Info("the writer goes on", "step", act, "failures", n)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.metrics.retries.Inc()
		if n == 0 {
			w.log.Warn("the writer waits and tries again", "step", act, "error", err)
		}
		if err := wait(ctx, pause.NextBackOff()); err != nil {
			return err
		}
	}
}

// wait pauses for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errRefused says that a batch was refused for its content.
var errRefused = errors.New("refused for its content")

// ship brings a journalled batch to its end: stored, split or in quarantine, then
// released. With unknown set, parts of it may be in the store already.
func (w *Writer) ship(ctx context.Context, b *batch, unknown bool) error {
	for {
		err := w.store(ctx, b, unknown)
		if err == nil {
			return w.finish(ctx, b)
		}
		if !errors.Is(err, errRefused) {
			return err
		}
		if len(b.rows) > 1 {
			return w.shipHalves(ctx, b)
		}
		w.seen.forget(b.ids[0]) // a later copy may be sound: store looks for one
		b.fates[b.of[0]-b.first] = quarantined
		b.cut(0)
		unknown = true
	}
}

// shipHalves writes both halves down as ranges of their own before either is sent.
func (w *Writer) shipHalves(ctx context.Context, b *batch) error {
	left, right := b.split()
	if err := w.try(ctx, "journal a split", func() error {
		return w.journal.replace(&b.entry, left.entry, right.entry)
	}); err != nil {
		return err
	}
	w.metrics.splits.Inc()
	if err := w.ship(ctx, left, true); err != nil {
		return err
	}
	return w.ship(ctx, right, true)
}

// store sends what is pending until nothing is. Its order is what makes rows
// arrive once: read back after an unknown outcome, resend under the same token,
// read back, and only rows that an answered insert left missing go under the next
// token, since the store may remember a token whose rows it lost.
//
// An insert that is answered OK at the first attempt of a token is believed: the
// store loses rows only when a retry meets what a killed insert left behind, a
// token is drawn for one batch of this process, and Insert sends it once.
func (w *Writer) store(ctx context.Context, b *batch, unknown bool) error {
	for n := 0; ; {
		if unknown {
			if err := w.readBack(ctx, b); err != nil {
				return err
			}
		}
		if err := w.admit(ctx, b); err != nil {
			return err
		}
		if w.revive(b) {
			continue
		}
		if len(b.rows) == 0 {
			return nil
		}
		err := w.in.Insert(ctx, b.entry.name(n), b.rows)
		switch {
		case err == nil && !unknown:
			return b.settle(func(int) (fate, error) { return stored, nil })
		case err == nil:
			missing, err := w.missing(ctx, b)
			if err != nil || missing == 0 {
				return err
			}
			w.metrics.holes.Add(float64(missing))
			n++
		case poisonous(err):
			return errRefused
		default:
			unknown = true
			if err := w.pauseAfter(ctx, err); err != nil {
				return err
			}
		}
	}
}

// pauseAfter waits once after an insert whose outcome is not known. Reading back
// comes next, and has pauses of its own while the store is away.
func (w *Writer) pauseAfter(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.metrics.retries.Inc()
	w.log.Warn("the outcome of an insert is not known", "error", err)
	return wait(ctx, w.cfg.RetryMin)
}

// missing reads back after an answered insert, and once more after a while: a
// part may be on its way still.
func (w *Writer) missing(ctx context.Context, b *batch) (int, error) {
	if err := w.readBack(ctx, b); err != nil || len(b.rows) == 0 {
		return 0, err
	}
	now := time.Now() // a row past its time vanishes as it is stored
	if err := b.settle(func(i int) (fate, error) {
		if b.rows[i].ExpiresAt.Before(now) {
			return stored, nil
		}
		return pending, nil
	}); err != nil || len(b.rows) == 0 {
		return 0, err
	}
	if err := wait(ctx, w.cfg.Settle); err != nil {
		return 0, err
	}
	err := w.readBack(ctx, b)
	return len(b.rows), err
}

// readBack asks the store which pending rows it has. They count as stored: the
// range was journalled, so they are its own but for a copy that an earlier process
// stored and this one does not remember, and then too one row is there.
func (w *Writer) readBack(ctx context.Context, b *batch) error {
	if len(b.rows) == 0 {
		return nil
	}
	var present []bool
	if err := w.try(ctx, "read back", func() (err error) {
		w.metrics.readbacks.Inc()
		present, err = w.in.Present(ctx, b.rows)
		if err == nil && len(present) != len(b.rows) {
			err = errors.New("read back: the answer has another length")
		}
		return err
	}); err != nil {
		return err
	}
	return b.settle(func(i int) (fate, error) {
		if present[i] {
			return stored, nil
		}
		return pending, nil
	})
}

// admit looks again whether each pending row may be shipped.
func (w *Writer) admit(ctx context.Context, b *batch) error {
	return w.try(ctx, "recheck", func() error {
		return b.settle(func(i int) (fate, error) {
			reason, err := w.recheck.Recheck(ctx, &b.rows[i])
			if err != nil || reason == event.ReasonNone {
				return pending, err
			}
			w.seen.forget(b.ids[i])
			return dropped + fate(reason), nil
		})
	})
}

// dedupe drops the rows of which a copy went before or comes earlier in the batch.
func (w *Writer) dedupe(b *batch) {
	now := time.Now()
	w.turn++
	_ = b.settle(func(i int) (fate, error) {
		first, fresh := w.seen.add(b.ids[i], w.turn, now)
		if fresh {
			return pending, nil
		}
		if first == w.turn {
			b.copies = append(b.copies, copied{b.of[i], b.ids[i]})
		}
		return duplicate, nil
	})
	w.metrics.seen.Set(float64(w.seen.size()))
}

// revive brings back the first copy of each row that was dropped or quarantined,
// and says whether there was one.
func (w *Writer) revive(b *batch) bool {
	now := time.Now()
	return b.revive(func(k id) bool {
		if w.seen.has(k) {
			return false
		}
		w.seen.add(k, w.turn, now)
		return true
	})
}

// finish puts what is for the quarantine there, releases the range and counts.
func (w *Writer) finish(ctx context.Context, b *batch) error {
	if err := w.try(ctx, "quarantine", func() error {
		w.metrics.full.Set(0)
		err := w.quarantine.keep(b)
		if errors.Is(err, errFull) {
			w.metrics.full.Set(1)
		}
		return err
	}); err != nil {
		return err
	}
	if err := w.try(ctx, "release", func() error { return w.spool.Release(b.entry.Range) }); err != nil {
		return err
	}
	w.journal.done(b.entry)
	w.count(b)
	if !b.oldest.IsZero() {
		w.metrics.lag.Set(time.Since(b.oldest).Seconds())
	}
	w.metrics.batches.Inc()
	notify(w.progress)
	return nil
}

// count gives every record of a released batch its one fate.
func (w *Writer) count(b *batch) {
	var n [int(dropped) + event.ReasonCount]int
	for _, f := range b.fates {
		n[f]++
	}
	w.metrics.rows.Add(float64(n[stored]))
	w.metrics.quarantined.Add(float64(n[quarantined]))
	for f, count := range n {
		switch {
		case count == 0:
		case fate(f) == stored:
			w.fates.Store(count)
		case fate(f) == duplicate:
			w.fates.Duplicate(count)
		case fate(f) == quarantined:
			w.fates.Quarantine(count)
		case fate(f) > dropped:
			w.fates.DropLater(event.Reason(f-int(dropped)), count)
		}
	}
}

// damaged reports a *spool.CorruptError: what it lost is set aside for good.
func (w *Writer) damaged(err error) bool {
	var damage *spool.CorruptError
	if !errors.As(err, &damage) {
		return false
	}
	w.log.Error("a spool segment is damaged and set aside", "error", err, "lost", damage.Lost)
	if damage.Lost > 0 {
		w.fates.Quarantine(damage.Lost)
		notify(w.progress)
	}
	return true
}
