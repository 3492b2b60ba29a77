package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// keys are the keyholder's part; pseudonym.Rights is one.
type keys interface {
	ErasureIDs(ctx context.Context) ([][16]byte, error)
	Erasures(ctx context.Context, want [][16]byte) ([]pseudonym.SealedErasure, error)
	Replay(ctx context.Context, entries [][]byte, yield func(pseudonym.CasePiece) error) error
}

// store is the control store's part; control.Store is one.
type store interface {
	JournalIDs(ctx context.Context) ([]control.RequestID, error)
	JournalEntries(ctx context.Context, ids []control.RequestID) ([]control.JournalEntry, error)
	AddJournal(ctx context.Context, entries []control.JournalEntry, of []control.Request) error
	Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
	AddHandles(ctx context.Context, list []control.Taken) error
	ForgetSubjects(ctx context.Context, list []control.Forgotten) error
	Lease(ctx context.Context, name string, until, now time.Time) (bool, error)
}

// subjects enforce what is on record; subjects.Set does.
type subjects interface {
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// Rows take rows away; activity.Erasing does.
type Rows interface {
	Add(ctx context.Context, people []erase.Person) error
	Delete(ctx context.Context, issued func(table, mutation string) error) error
	Settle(ctx context.Context) error
	Prove(ctx context.Context) (left map[string]uint64, err error)
	End(ctx context.Context) error
}

// table is ClickHouse's part.
type table interface {
	Begin(ctx context.Context) (Rows, error)
	ErasedMarks(ctx context.Context) ([][16]byte, error)
	MarkErased(ctx context.Context, ids [][16]byte, until time.Time) error
}

// files are this gateway's part; Journal is one.
type files interface {
	IDs() [][16]byte
	Entries(ids [][16]byte) ([]pseudonym.SealedErasure, error)
	Append(entries []pseudonym.SealedErasure) error
	Sweep(now time.Time) error
}

// Config are the settings.
type Config struct {
	Every time.Duration // how often the sets are compared
	Again time.Duration // what was missing twice, so long apart, is missing
	First time.Duration // the wait after a failure; it doubles
	Most  time.Duration // the longest wait
	Lease time.Duration // for how long this node leads erasures without renewing that
	// Restored says that parts were just restored: nothing is served before all four
	// were compared, ClickHouse's too.
	Restored bool
	// Tombstone is for how long the bare pseudonym of an erased person is kept.
	Tombstone time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Every: time.Hour, Again: 30 * time.Second, First: 200 * time.Millisecond, Most: time.Minute, Lease: 30 * time.Second,
		Tombstone: 30 * 24 * time.Hour,
	}
}

// Deps are the parts that are compared. All are required, but Now, Logger and
// Registerer.
type Deps struct {
	Keys     keys
	Store    store
	Subjects subjects
	Table    table
	Files    files
	// Tables is closed once ClickHouse's tables are there.
	Tables <-chan struct{}
	// Sites are those in the settings.
	Sites func() []event.SiteID
	// Alone says that no other gateway shares the store.
	Alone bool
	// Reopen opens accepted erasures anew that the store does not know; nil: nothing does.
	Reopen *Reopening
	// Done is called once all four were compared and nothing is missing.
	Done func() error

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Gate holds everything back that serves, until what was erased is surely so.
type Gate struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	passing atomic.Bool   // public listener and console
	rows    atomic.Bool   // ClickHouse's rows
	opened  chan struct{} // closed when passing was true for the first time
	shown   chan struct{} // closed when rows was
	known   atomic.Int64  // erasures that are written down
	replays prometheus.Counter
	said    string // the last trouble that the log was told
}

// New makes a gate that is closed.
func New(cfg Config, deps Deps) (*Gate, error) {
	if deps.Keys == nil || deps.Store == nil || deps.Subjects == nil || deps.Table == nil || deps.Files == nil || deps.Tables == nil || deps.Sites == nil {
		return nil, errors.New("restore: a part is missing")
	}
	if cfg.Every <= 0 || cfg.Again < 0 || cfg.First <= 0 || cfg.Most < cfg.First || cfg.Lease <= 0 || cfg.Tombstone <= 0 {
		return nil, errors.New("restore: a setting is out of its bounds")
	}
	g := &Gate{
		cfg: cfg, deps: deps, log: deps.Logger, opened: make(chan struct{}), shown: make(chan struct{}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_restore_replayed_total", Help: "Erasures that were carried out again, since a part of the system did not know them.",
		}),
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.deps.Now == nil {
		g.deps.Now = time.Now
	}
	return g, g.register(deps.Registerer)
}

func (g *Gate) register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	closed := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zgoda_restore_gate", Help: "1: nothing is served, since erasures after a backup are not all carried out again yet.",
	}, func() float64 {
		if g.Passing() {
			return 0
		}
		return 1
	})
	known := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zgoda_erasures_written_down", Help: "Erasures that a restore cannot undo.",
	}, func() float64 { return float64(g.known.Load()) })
	for _, c := range []prometheus.Collector{closed, known, g.replays} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register the metrics of the gate: %w", err)
		}
	}
	return nil
}

// Open is closed once the gate has opened.
func (g *Gate) Open() <-chan struct{} { return g.opened }

// Shown is closed once ClickHouse's set was compared too: what it has may be served,
// and rows may be added.
func (g *Gate) Shown() <-chan struct{} { return g.shown }

// Passing says whether anything may be served now.
func (g *Gate) Passing() bool { return g.passing.Load() }

// Showing says whether what is in ClickHouse may be served now.
func (g *Gate) Showing() bool { return g.passing.Load() && g.rows.Load() }

// Run compares the sets until ctx ends, opens the gate when they agree, and closes it
// when they do not any more.
func (g *Gate) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for first := true; ctx.Err() == nil; _ = pause(ctx, wait) {
		err := g.look(ctx, first)
		switch {
		case err != nil:
			wait = min(max(2*wait, g.cfg.First), g.cfg.Most)
			if ctx.Err() == nil {
				g.tell(err)
			}
		case !g.rows.Load(): // ClickHouse is away
			wait = min(max(2*wait, g.cfg.First), g.cfg.Most, time.Second)
		default:
			wait, first, g.said = g.cfg.Every, false, ""
		}
	}
	return nil
}

// tell says what holds the gate, once for each kind of trouble.
func (g *Gate) tell(err error) {
	if text := err.Error(); text != g.said {
		g.log.Warn("erasures cannot be compared, or are not all carried out again yet", "serving", g.Passing(), "err", err)
		g.said = text
	}
}

// look compares the sets, and carries out again what one of them lacks.
func (g *Gate) look(ctx context.Context, first bool) error {
	if err := g.reopen(ctx); err != nil {
		return err
	}
	s, err := g.sets(ctx)
	if err != nil {
		return err
	}
	lacks, err := g.lacking(ctx, &s, first)
	if err != nil {
		return err
	}
	if !first && lacks.any() { // an erasure may have come to its end while the sets were read
		if lacks, err = g.lackingStill(ctx, lacks); err != nil {
			return err
		}
	}
	if lacks.any() {
		if len(lacks.lost)+len(lacks.again) > 0 && g.passing.Swap(false) {
			g.log.Error("nothing is served: a part of the system does not know of erasures any more", "erasures", len(lacks.lost)+len(lacks.again))
		}
		if err := g.mend(ctx, &lacks); err != nil {
			return err
		}
		return g.verify(ctx, first)
	}
	if err := g.deps.Files.Sweep(g.deps.Now()); err != nil {
		return err
	}
	return g.pass(&s)
}

// verify compares once more, and opens the gate when nothing is missing.
func (g *Gate) verify(ctx context.Context, first bool) error {
	s, err := g.sets(ctx)
	if err != nil {
		return err
	}
	lacks, err := g.lacking(ctx, &s, first)
	if err != nil {
		return err
	}
	if lacks.any() {
		return fmt.Errorf("%d erasures are still not known everywhere", len(lacks.again)+len(lacks.files)+len(lacks.lost))
	}
	return g.pass(&s)
}

func (g *Gate) pass(s *sets) error {
	g.known.Store(int64(len(s.union())))
	if s.marks == nil && g.cfg.Restored && !g.rows.Load() {
		return errTables
	}
	if s.marks != nil && !g.rows.Load() {
		if g.deps.Done != nil {
			if err := g.deps.Done(); err != nil {
				return err
			}
		}
		g.rows.Store(true)
		close(g.shown)
	}
	g.passing.Store(true)
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
	return nil
}

var errTables = errors.New("waiting for ClickHouse, which was restored")

// pause returns why ctx has ended, if it does before d has passed.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
