package writer

import (
	"context"
	"errors"
	"sync"
	"time"

	"zgoda/spool"
)

// flow is how ranges go through the writer: one goroutine reads, claims and
// journals them in order, as many as there are connections ship them, and one
// releases them in order. A batch's memory goes round.
//
//	free --> read --> ready --> ship (Connections of them)
//	  ^          \--> order --> release --/
type flow struct {
	free, ready, order chan *batch
	flight             []chan struct{} // settled channels of the latest ranges
}

// work ships ranges until ctx ends. It returns the context's error.
func (w *Writer) work(ctx context.Context) error {
	n := w.cfg.flights()
	f := &flow{free: make(chan *batch, n), ready: make(chan *batch, n), order: make(chan *batch, n)}
	for range n {
		f.free <- &batch{}
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.read(ctx, f) })
	for range w.cfg.Connections {
		wg.Go(func() { w.shipAll(ctx, f) })
	}
	wg.Go(func() { w.releaseAll(ctx, f) })
	wg.Wait()
	return ctx.Err()
}

// read prepares batches until ctx ends.
func (w *Writer) read(ctx context.Context, f *flow) {
	for {
		b, ok := take(ctx, f.free)
		if !ok {
			return
		}
		var raw spool.Batch
		if err := w.try(ctx, "read the spool", func() (err error) {
			raw, err = w.next(ctx, b)
			return err
		}); err != nil {
			return // Run lets go of what was begun
		}
		began := time.Now()
		b.decode(raw, w.claims.seen)
		b.entry = newEntry(raw.Range, time.Now().Unix())
		if err := w.try(ctx, "journal a range", func() error { return w.journal.replace(nil, b.entry) }); err != nil {
			return
		}
		w.claims.enter(b)
		w.metrics.took(stepRead, began)
		b.earlier = f.flight
		f.flight = append(f.flight[max(0, len(f.flight)-cap(f.free)):len(f.flight):len(f.flight)], b.settled)
		w.metrics.flying.Inc()
		f.ready <- b // both have room for every batch there is
		f.order <- b
	}
}

// shipAll ships batches until ctx ends.
func (w *Writer) shipAll(ctx context.Context, f *flow) {
	for {
		b, ok := take(ctx, f.ready)
		if !ok || w.ship(ctx, b) != nil {
			return
		}
		close(b.settled)
	}
}

// releaseAll releases batches in the order in which they were read, until ctx ends.
// A range that was released before an earlier one would be handed out again after
// a crash, when nothing is left that knows that it was stored.
func (w *Writer) releaseAll(ctx context.Context, f *flow) {
	defer w.metrics.flying.Set(0)
	for {
		b, ok := take(ctx, f.order)
		if !ok {
			return
		}
		select {
		case <-b.settled:
		case <-ctx.Done():
			return
		}
		if w.finish(ctx, b) != nil {
			return
		}
		w.erasures.prune(b.read) // those behind it were read later
		b.drop()
		w.metrics.flying.Dec()
		w.holds.leave()
		f.free <- b
	}
}

// take receives a batch unless ctx ends.
func take(ctx context.Context, from <-chan *batch) (*batch, bool) {
	select {
	case b := <-from:
		return b, ctx.Err() == nil
	case <-ctx.Done():
		return nil, false
	}
}

// next takes a batch from the spool, which counts as begun then. An interruption
// makes it begin anew: by Drain, after which nothing gathers, by Erase, after which
// what is read counts as read after it, and by Hold, after which it waits.
func (w *Writer) next(ctx context.Context, into *batch) (spool.Batch, error) {
	for {
		if err := w.holds.enter(ctx); err != nil {
			return spool.Batch{}, err
		}
		b, err := w.nextUnlessHurried(ctx, into)
		if len(b.Records) == 0 || err != nil {
			w.holds.leave()
		}
		switch {
		case w.damaged(err):
		case errors.Is(err, context.Canceled) && ctx.Err() == nil:
		case err == nil && len(b.Records) == 0:
		default:
			return b, err
		}
	}
}

func (w *Writer) nextUnlessHurried(ctx context.Context, into *batch) (spool.Batch, error) {
	gather, done := w.gathering.begin(ctx)
	defer done()
	if _, held := w.holds.active(); held { // since after enter: its interruption may have come too early
		return spool.Batch{}, context.Canceled
	}
	into.read = w.erasures.reading() // after begin: an Erase that ends now interrupts
	rows, linger := w.size.gather()
	select {
	case <-w.hurry:
		linger = 0
	default:
	}
	b, err := w.spool.Next(gather, rows, linger)
	if err == nil {
		w.size.gathered(len(b.Records))
	}
	return b, err
}

// gathering is the reading under way, which others can interrupt.
type gathering struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	over   chan struct{}
}

// begin returns the context of one reading, and what ends it.
func (g *gathering) begin(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel, g.over = cancel, over
	return ctx, func() { cancel(); close(over) }
}

// interrupt ends the reading under way, if any, and waits until it has ended.
func (g *gathering) interrupt() {
	g.mu.Lock()
	cancel, over := g.cancel, g.over
	g.mu.Unlock()
	if cancel != nil {
		cancel()
		<-over
	}
}
