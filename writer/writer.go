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

// Writer ships ranges, several at a time, while the next is read.
type Writer struct {
	cfg        Config
	spool      source
	in         inserter
	recheck    rechecker
	fates      fates
	log        *slog.Logger
	metrics    *metrics
	journal    journal
	keeping    sync.Mutex // guards quarantine
	quarantine quarantine
	claims     *claims
	size       *size
	erasures   erasures
	sending    chan struct{} // as many as there are inserts at work
	gathering  gathering
	holds      holds
	admissions sync.Pool

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
	ids := newClaims(newSeen(cfg.Window, cfg.MaxSeen, time.Now()))
	rows := newSize(cfg.BatchRows, cfg.Linger, cfg.MaxLinger)
	w := &Writer{
		cfg: cfg, spool: deps.Spool, in: deps.Inserter, recheck: deps.Rechecker, fates: deps.Fates,
		log: deps.Logger, journal: journal{path: cfg.Journal, write: writeFile},
		quarantine: kept, claims: ids, size: rows, sending: make(chan struct{}, cfg.Connections),
		erasures: erasures{one: make(chan struct{}, 1)},
		hurry:    make(chan struct{}), progress: make(chan struct{}, 1),
	}
	if w.metrics, err = newMetrics(deps.Registerer, kept, ids, rows, &w.holds, cfg); err != nil {
		return nil, err
	}
	w.admissions.New = func() any { return &admission{} }
	return w, nil
}

// Run finishes what the journal says was under way, then ships until ctx ends. It
// returns nil then; what was not finished stays in the spool and the journal.
func (w *Writer) Run(ctx context.Context) error {
	defer func() { _ = w.quarantine.log.Close() }()
	defer w.holds.stop()
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

// recover ships the ranges that an earlier process wrote down, one by one. They
// are compared with each other but not with what is stored, since that may be
// their own.
func (w *Writer) recover(ctx context.Context) error {
	if len(w.journal.entries) == 0 {
		return nil
	}
	if err := w.holds.enter(ctx); err != nil {
		return err
	}
	defer w.holds.leave()
	b := &batch{}
	for _, e := range w.journal.entries {
		var raw spool.Batch
		if err := w.try(ctx, "read a journalled range", func() (err error) {
			b.read = w.erasures.reading()
			for raw, err = w.spool.Read(e.Range); w.damaged(err); {
				raw, err = w.spool.Read(e.Range)
			}
			return err
		}); err != nil {
			return err
		}
		b.decode(raw, w.claims.seen)
		b.entry, b.unknown = e, true
		w.claims.enter(b)
		if err := w.ship(ctx, b); err != nil {
			return err
		}
		if err := w.finish(ctx, b); err != nil {
			return err
		}
		w.erasures.prune(b.read)
	}
	return nil
}

// seedMost is how many ids a start reads at most: the store sorts them.
const seedMost = 1_000_000

// seed remembers what was stored lately, as much as can be learnt in time.
func (w *Writer) seed(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, w.cfg.SeedWithin)
	defer cancel()
	var found []id
	var reached time.Time
	since := time.Now().Add(-w.cfg.Window)
	err := w.try(within, "read recent ids", func() (err error) {
		found = found[:0]
		reached, err = w.in.Recent(within, since, min(seedMost, w.cfg.MaxSeen/2), func(site event.SiteID, messageID string) {
			found = append(found, w.claims.id(site, messageID))
		})
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && len(found) == 0 { // else the latest are known, the ones that matter
		w.log.Warn("the message ids that are stored could not be read in time: a client's retry from before this start may be stored twice", "within", w.cfg.SeedWithin)
		return nil
	}
	w.claims.seed(found, reached)
	return nil
}

// Drain waits until all that is durable is shipped, or ctx ends: then the rest
// stays in the spool, and the context's error is returned. Something is shipped
// only while Run runs.
func (w *Writer) Drain(ctx context.Context) error {
	w.once.Do(func() {
		close(w.hurry)
		w.gathering.interrupt()
	})
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
