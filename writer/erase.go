package writer

import (
	"context"
	"errors"
	"slices"
	"sync"

	"zgoda/event"
	"zgoda/record"
)

// erasures are the erasures that records read before may still fall under.
type erasures struct {
	one     chan struct{} // held by the erasure under way
	mu      sync.Mutex
	last    uint64 // the number of the last that began
	done    uint64 // of the last that is over: what was read after it is none of its business
	pending []erasure
}

// erasure is one of them.
type erasure struct {
	number uint64
	of     map[event.Handle]struct{}
}

// matches says whether a record stands under one of the handles.
func (e *erasure) matches(v *record.View) bool {
	for _, h := range v.Consent() {
		if _, ok := e.of[h]; ok && !h.IsZero() {
			return true
		}
	}
	return false
}

// begin adds an erasure.
func (e *erasures) begin(handles []event.Handle) erasure {
	of := make(map[event.Handle]struct{}, len(handles))
	for _, h := range handles {
		of[h] = struct{}{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	next := erasure{e.last, of}
	e.pending = append(e.pending, next)
	return next
}

// end says that an erasure is over: what is read from now on was read after it.
func (e *erasures) end(one erasure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done = one.number
}

// reading returns the number under which a batch is read that is read from now on.
func (e *erasures) reading() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.done
}

// after returns the erasures that a batch may hold records of.
func (e *erasures) after(read uint64) (out []erasure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.pending {
		if x.number > read {
			out = append(out, x)
		}
	}
	return out
}

// prune forgets those that no batch was read before: oldest is the least number of
// a batch in flight.
func (e *erasures) prune(oldest uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = slices.DeleteFunc(e.pending, func(x erasure) bool { return x.number <= min(oldest, e.done) })
}

// Erase takes every record of these consent handles out of what waits to be
// stored: the spool, the ranges in flight and the quarantine. It returns how many
// records it took off the disk. What a running insert has with it is stored and
// then counted so; Erase waits for that, and when it returns nil nothing of the
// handles that was accepted before the call is sent any more. Records that cannot
// be decoded are not found. After an error it must be called again. It may be
// called whether Run runs or not, but the spool must run; it does nothing to what
// is stored.
func (w *Writer) Erase(ctx context.Context, handles []event.Handle) (int, error) {
	taken, _, err := w.eraseAll(ctx, handles)
	return taken, err
}

// EraseWaiting is Erase, and returns how many of the records had not met their fate:
// what is stored lies in the newest file of the spool for a while.
func (w *Writer) EraseWaiting(ctx context.Context, handles []event.Handle) (int, error) {
	_, waited, err := w.eraseAll(ctx, handles)
	return waited, err
}

func (w *Writer) eraseAll(ctx context.Context, handles []event.Handle) (taken, waited int, err error) {
	select {
	case w.erasures.one <- struct{}{}:
		defer func() { <-w.erasures.one }()
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	one := w.erasures.begin(handles)
	taken, waited, err = w.erase(ctx, &one)
	w.erasures.end(one)
	w.gathering.interrupt() // it began before and may read what comes after
	w.metrics.erased.Add(float64(taken))
	return taken, waited, err
}

func (w *Writer) erase(ctx context.Context, one *erasure) (taken, waited int, err error) {
	if err := w.standstill(ctx); err != nil {
		return 0, 0, err
	}
	match := func(rec []byte) bool {
		var v record.View
		return v.Read(rec) == nil && one.matches(&v)
	}
	taken, waited, err = w.spool.EraseWaiting(ctx, match)
	// A release may be putting a record of the handles into the quarantine.
	w.keeping.Lock()
	defer w.keeping.Unlock()
	kept, keptErr := w.quarantine.erase(ctx, match)
	return taken + kept, waited + kept, errors.Join(err, keptErr)
}

// standstill waits until the inserts that run now have ended: those that begin
// later look at the erasures first.
func (w *Writer) standstill(ctx context.Context) error {
	held := 0
	defer func() {
		for range held {
			<-w.sending
		}
	}()
	for range cap(w.sending) {
		select {
		case w.sending <- struct{}{}:
			held++
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// strike gives the rows of b that were erased since it was read that fate.
func (w *Writer) strike(b *batch) {
	list := w.erasures.after(b.read)
	if len(list) == 0 {
		return
	}
	_ = b.settle(func(row int) (fate, error) {
		if !struck(list, b.record(row)) {
			return pending, nil
		}
		w.claims.forget(b.ids[row])
		return erased, nil
	})
}

// strikeKept does the same for the records of b that are for the quarantine.
func (w *Writer) strikeKept(b *batch) {
	list := w.erasures.after(b.read)
	if len(list) == 0 {
		return
	}
	for i, f := range b.fates {
		if f == quarantined && struck(list, b.raw.Records[i]) {
			b.fates[i] = erased
		}
	}
}

// struck says whether a record falls under one of the erasures.
func struck(list []erasure, rec []byte) bool {
	var v record.View
	if v.Read(rec) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(e erasure) bool { return e.matches(&v) })
}
