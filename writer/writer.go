package writer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"zgoda/event"
	"zgoda/spool"
)

// Writer ships ranges, one at a time, while the next is read and decoded.
type Writer struct {
	cfg        Config
	spool      source
	in         inserter
	recheck    rechecker
	fates      fates
	log        *slog.Logger
	metrics    *metrics
	journal    journal
	quarantine quarantine
	seen       *seen
	turn       turn // of the range under way; the recovered and the new count on

	hurry    chan struct{} // closed: records gather no longer
	once     sync.Once
	progress chan struct{} // to Drain: a range was released
}

// New makes a writer. It reads and writes nothing but makes the quarantine's folder.
func New(cfg Config, deps Deps) (*Writer, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	log, err := spool.OpenLog(cfg.Quarantine, quarantineSuffix, deps.Key)
	if err != nil {
		return nil, err
	}
	kept := quarantine{log, cfg.MaxKept}
	m, err := newMetrics(deps.Registerer, kept)
	if err != nil {
		return nil, err
	}
	return &Writer{
		cfg: cfg, spool: deps.Spool, in: deps.Inserter, recheck: deps.Rechecker, fates: deps.Fates,
		log: deps.Logger, metrics: m, journal: journal{path: cfg.Journal, write: writeFile},
		quarantine: kept, seen: newSeen(cfg.Window, cfg.MaxSeen, time.Now()),
		hurry: make(chan struct{}), progress: make(chan struct{}, 1),
	}, nil
}

// Run finishes what the journal says was under way, then ships until ctx ends. It
// returns nil then; what was not finished stays in the spool and the journal.
func (w *Writer) Run(ctx context.Context) error {
	defer func() { _ = w.quarantine.log.Close() }()
	// A damaged journal stops the writer: without it a range could go under two tokens.
	if err := w.journal.load(); err != nil {
		return err
	}
	err := w.recover(ctx)
	if err == nil {
		err = w.seed(ctx)
	}
	if err == nil {
		err = w.work(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// recover ships the ranges that an earlier process wrote down. They are compared
// with each other but not with what is stored, since that may be their own.
func (w *Writer) recover(ctx context.Context) error {
	b := &batch{}
	for _, e := range w.journal.entries {
		var raw spool.Batch
		if err := w.try(ctx, "read a journalled range", func() (err error) {
			for raw, err = w.spool.Read(e.Range); w.damaged(err); {
				raw, err = w.spool.Read(e.Range)
			}
			return err
		}); err != nil {
			return err
		}
		b.decode(raw, w.seen.id)
		b.entry = e
		w.dedupe(b)
		if err := w.ship(ctx, b, true); err != nil {
			return err
		}
	}
	return nil
}

// seed remembers what was stored lately.
func (w *Writer) seed(ctx context.Context) error {
	since := time.Now().Add(-w.cfg.Window)
	return w.try(ctx, "read recent ids", func() error {
		now := time.Now()
		return w.in.Recent(ctx, since, w.cfg.MaxSeen/2, func(site event.SiteID, messageID string) {
			w.seen.add(w.seen.id(site, messageID), 0, now)
		})
	})
}

// work ships batch after batch while a reader prepares the next one.
func (w *Writer) work(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	ready, free := make(chan *batch), make(chan *batch, 2)
	free <- &batch{}
	free <- &batch{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.read(ctx, free, ready)
	}()
	defer func() { cancel(); <-done }()
	for {
		select {
		case b := <-ready:
			if err := w.begin(ctx, b); err != nil {
				return err
			}
			free <- b
		case <-ctx.Done():
			return nil
		}
	}
}

// begin writes a range down and ships it.
func (w *Writer) begin(ctx context.Context, b *batch) error {
	b.entry = newEntry(b.raw.Range)
	if err := w.try(ctx, "journal a range", func() error { return w.journal.replace(nil, b.entry) }); err != nil {
		return err
	}
	w.dedupe(b)
	return w.ship(ctx, b, false)
}

// read prepares batches until ctx ends.
func (w *Writer) read(ctx context.Context, free <-chan *batch, ready chan<- *batch) {
	for {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		var raw spool.Batch
		if err := w.try(ctx, "read the spool", func() (err error) {
			raw, err = w.next(ctx)
			return err
		}); err != nil {
			return
		}
		b.decode(raw, w.seen.id)
		select {
		case ready <- b:
		case <-ctx.Done():
			return
		}
	}
}

// next takes a batch from the spool, and stops gathering when Drain says so.
func (w *Writer) next(ctx context.Context) (spool.Batch, error) {
	for {
		b, err := w.nextUnlessHurried(ctx)
		switch {
		case w.damaged(err):
		case errors.Is(err, context.Canceled) && ctx.Err() == nil:
		case err == nil && len(b.Records) == 0:
		default:
			return b, err
		}
	}
}

func (w *Writer) nextUnlessHurried(ctx context.Context) (spool.Batch, error) {
	select {
	case <-w.hurry:
		return w.spool.Next(ctx, w.cfg.BatchRows, 0)
	default:
	}
	gather, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-w.hurry:
			cancel()
		case <-gather.Done():
		}
	}()
	defer func() { cancel(); <-stopped }()
	return w.spool.Next(gather, w.cfg.BatchRows, w.cfg.Linger)
}

// Drain waits until all that is durable is shipped, or ctx ends: then the rest
// stays in the spool, and the context's error is returned. Something is shipped
// only while Run runs.
func (w *Writer) Drain(ctx context.Context) error {
	w.once.Do(func() { close(w.hurry) })
	defer notify(w.progress) // another Drain may be waiting
	for w.spool.Stats().Records > 0 {
		select {
		case <-w.progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// notify wakes whoever waits on c, without waiting itself.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
