package writer

import (
	"context"
	"errors"
	"time"

	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

// What store returns when a batch must be split.
var (
	errRefused  = errors.New("refused for its content")
	errOversize = errors.New("too much at once for the store")
)

// ship gives every row of a journalled batch its fate. A batch that is refused is
// split, and a refused row that is alone is for the quarantine.
func (w *Writer) ship(ctx context.Context, b *batch) error {
	for {
		err := w.store(ctx, b)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errRefused) && !errors.Is(err, errOversize):
			return err
		case len(b.of) > 1:
			return w.shipHalves(ctx, b)
		}
		w.claims.forget(b.ids[0]) // a later copy may be sound: store looks for one
		b.all(quarantined)
		b.unknown = true
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
	left.unknown, right.unknown = true, true
	if err := w.ship(ctx, left); err != nil {
		return err
	}
	err := w.ship(ctx, right)
	for _, half := range []*batch{left, right} {
		if half.why != nil {
			b.why = half.why
		}
	}
	return err
}

// store sends what is pending until nothing is. Its order is what makes rows
// arrive once: read back after an unknown outcome, resend under the same token,
// read back, and only rows that an answered insert left missing go under the next
// token, since the store may remember a token whose rows it lost.
//
// An insert that is answered OK at the first attempt of a token is believed: the
// store loses rows only when a retry meets what a killed insert left behind, a
// token is drawn for one batch of this process, and Insert sends it once. An
// error before any row had left is no attempt.
func (w *Writer) store(ctx context.Context, b *batch) error {
	p := w.patience("insert")
	defer p.leave()
	for {
		if more, err := w.prepare(ctx, b); err != nil || !more {
			return err
		}
		err := w.insert(ctx, b)
		switch {
		case err == nil:
			p.over()
			if err := w.answered(ctx, b); err != nil {
				return err
			}
		case poisonous(err):
			b.why = err
			return errRefused
		default:
			b.unknown = b.unknown || !unsent(err)
			if tooMuch(err) {
				w.size.shrink(len(b.of))
				if len(b.of) > fewest {
					return errOversize
				}
			}
			if err := p.wait(ctx, err); err != nil {
				return err
			}
		}
	}
}

// prepare finds out which rows of b are to be sent now, and whether any are.
func (w *Writer) prepare(ctx context.Context, b *batch) (bool, error) {
	for {
		if b.unknown {
			if err := w.readBack(ctx, b); err != nil {
				return false, err
			}
		}
		if err := w.admit(ctx, b); err != nil {
			return false, err
		}
		if revived, _ := w.claims.revive(b); revived {
			continue
		}
		if len(b.of) > 0 {
			return true, w.refresh(ctx, b)
		}
		_, waits := w.claims.revive(b)
		if !waits {
			return false, nil
		}
		if err := w.await(ctx, b); err != nil {
			return false, err
		}
		if revived, _ := w.claims.revive(b); !revived {
			return false, nil
		}
	}
}

// await waits until every earlier range in flight knows its records' fates: copies
// of their rows are granted their ids by then, or never.
func (w *Writer) await(ctx context.Context, b *batch) error {
	for _, settled := range b.earlier {
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// insert sends the rows once, without those that were erased meanwhile.
func (w *Writer) insert(ctx context.Context, b *batch) error {
	select {
	case w.sending <- struct{}{}:
		defer func() { <-w.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w.strike(b)
	if len(b.of) == 0 {
		return nil
	}
	defer w.metrics.took(stepInsert, time.Now())
	return w.in.Insert(ctx, b.entry.name(b.inserts), b.rows())
}

// answered gives fates after an insert that was answered OK.
func (w *Writer) answered(ctx context.Context, b *batch) error {
	if !b.unknown {
		b.inserts++
		b.all(stored)
		return nil
	}
	missing, err := w.missing(ctx, b)
	if err == nil && missing > 0 {
		w.metrics.holes.Add(float64(missing))
		b.inserts++
	}
	return err
}

// missing reads back after an answered insert, and once more after a while: a
// part may be on its way still.
func (w *Writer) missing(ctx context.Context, b *batch) (int, error) {
	if err := w.readBack(ctx, b); err != nil || len(b.of) == 0 {
		return 0, err
	}
	now := time.Now().Unix() // a row past its time vanishes as it is stored
	var v record.View
	if err := b.settle(func(row int) (fate, error) {
		if v.Read(b.record(row)) == nil && v.Expires() < now {
			return stored, nil
		}
		return pending, nil
	}); err != nil || len(b.of) == 0 {
		return 0, err
	}
	if err := pause(ctx, w.cfg.Settle); err != nil {
		return 0, err
	}
	err := w.readBack(ctx, b)
	return len(b.of), err
}

// readBack asks the store which pending rows it has. They count as stored: the
// range was journalled, so they are its own but for a copy that an earlier process
// stored and this one does not remember, and then too one row is there.
func (w *Writer) readBack(ctx context.Context, b *batch) error {
	if len(b.of) == 0 || w.unreadable(b) {
		return nil
	}
	var present []bool
	rows := b.rows()
	if err := w.try(ctx, "read back", func() (err error) {
		w.metrics.readbacks.Inc()
		defer w.metrics.took(stepVerify, time.Now())
		present, err = w.in.Present(ctx, rows)
		if err == nil && len(present) != len(rows) {
			err = errors.New("read back: the answer has another length")
		}
		return err
	}); err != nil {
		return err
	}
	return b.settle(func(row int) (fate, error) {
		if present[row] {
			return stored, nil
		}
		return pending, nil
	})
}

// unreadable deals with rows that may have been sent so long ago that the store
// has forgotten message ids since. Whether they are stored can no longer be told;
// sent again they could be there twice. They go to the quarantine, and their ids
// stay claimed.
func (w *Writer) unreadable(b *batch) bool {
	age := time.Since(time.Unix(b.entry.at, 0))
	if age <= w.cfg.Readable {
		return false
	}
	w.log.Error("whether a range was stored can no longer be found out: it goes to the quarantine", "records", len(b.of), "age", age.Round(time.Second))
	w.metrics.unreadable.Add(float64(len(b.of)))
	b.all(quarantined)
	return true
}

// freshFor is how long the time of an entry that nothing was sent of stands.
const freshFor = 12 * time.Hour

// refresh writes a new time to the entry of a batch of which nothing was sent,
// since the time decides until when it can be read back.
func (w *Writer) refresh(ctx context.Context, b *batch) error {
	now := time.Now()
	if b.unknown || b.inserts > 0 || now.Sub(time.Unix(b.entry.at, 0)) < freshFor {
		return nil
	}
	next := b.entry
	next.at = now.Unix()
	if err := w.try(ctx, "journal a range anew", func() error { return w.journal.replace(&b.entry, next) }); err != nil {
		return err
	}
	b.entry = next
	return nil
}

// finish puts what is for the quarantine there, releases the range and counts.
func (w *Writer) finish(ctx context.Context, b *batch) error {
	began := time.Now()
	if err := w.try(ctx, "quarantine", func() error { return w.keep(ctx, b) }); err != nil {
		return err
	}
	w.tellKept(b)
	if err := w.try(ctx, "release", func() error { return w.spool.Release(b.raw.Range) }); err != nil {
		return err
	}
	w.journal.done(b.raw.Range)
	w.claims.leave(b)
	w.count(b)
	if !b.oldest.IsZero() {
		waited := time.Since(b.oldest)
		w.metrics.lag.Set(waited.Seconds())
		w.metrics.delayed(b.raw.Range, waited)
	}
	w.metrics.took(stepRelease, began)
	w.metrics.batches.Inc()
	w.size.stored()
	notify(w.progress)
	return nil
}

// keep puts the records of b that are for the quarantine there.
func (w *Writer) keep(_ context.Context, b *batch) error {
	w.keeping.Lock()
	defer w.keeping.Unlock()
	w.strikeKept(b)
	err := w.quarantine.keep(b)
	full := 0.0
	if errors.Is(err, errFull) {
		full = 1
	}
	w.metrics.full.Set(full)
	return err
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
