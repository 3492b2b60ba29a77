package writer

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// testConfig ships small ranges, some at once, without waiting.
func testConfig(dir string) Config {
	c := DefaultConfig()
	c.Journal, c.Quarantine = filepath.Join(dir, "journal"), filepath.Join(dir, "quarantine")
	c.BatchRows, c.Connections, c.Linger, c.Settle = 8, 3, 0, 0
	c.RetryMin, c.RetryMax = time.Microsecond, time.Microsecond
	return c
}

// require is what testing.T and rapid.T share.
type require interface {
	Fatalf(format string, args ...any)
}

func encoded(messageID, name string) []byte {
	now := time.Now().UTC().Truncate(time.Second)
	r := record.Record{
		Site: "shop", Type: event.TypeTrack, MessageID: messageID, Name: name,
		Time: now, ReceivedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if name == "withdrawn" {
		r.Sequence = withdrawnAt
	}
	return record.Append(nil, &r)
}

// stepping is a spool whose releases meet mishaps.
type stepping struct {
	*spool.Spool
	st   *store
	lost *int // released, but the writer has not heard of it
}

func (s stepping) Release(r spool.Range) error {
	before := s.Stats().Records
	err := s.st.step(actRelease, func() error { return s.Spool.Release(r) })
	if *s.lost += before - s.Stats().Records; err == nil {
		*s.lost = 0
	}
	return err
}

// steppingLog is a quarantine whose appends meet mishaps.
type steppingLog struct {
	keeper
	st *store
}

func (l steppingLog) Append(records [][]byte) error {
	return l.st.step(actQuarantine, func() error { return l.keeper.Append(records) })
}

// process is one life: a spool and a writer over what is on disk and in the store.
type process struct {
	t              require
	st             *store
	spool          *spool.Spool
	writer         *Writer
	registry       *prometheus.Registry
	fates          tally
	lost, accepted int
	ctx            context.Context //nolint:containedctx // the life of the process it stands for
	kill           func()
	ended          chan error
	writing        bool
}

func smallSpool(dir string) spool.Config {
	c := spool.DefaultConfig()
	c.Dir, c.SegmentBytes, c.GroupBytes, c.MaxRecord, c.MaxBytes = filepath.Join(dir, "spool"), 2048, 2048, 1024, 1<<20
	return c
}

// begin opens the spool and makes the writer, which does not run yet.
func begin(t require, dir string, st *store, cfg Config, log *slog.Logger) *process {
	return beginOver(t, smallSpool(dir), st, cfg, log)
}

func beginOver(t require, over spool.Config, st *store, cfg Config, log *slog.Logger) *process {
	sp, err := spool.Open(over, testKey)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	p := &process{t: t, st: st, spool: sp, registry: prometheus.NewRegistry(), ended: make(chan error, 2)}
	p.ctx, p.kill = context.WithCancel(context.Background())
	st.revive(p.kill)
	p.writer, err = New(cfg, Deps{
		Spool: stepping{sp, st, &p.lost}, Inserter: st, Rechecker: &checker{}, Fates: &p.fates,
		Logger: log, Registerer: p.registry, Key: testKey,
	})
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	write := p.writer.journal.write
	p.writer.journal.write = func(path string, data []byte) error {
		return st.step(actJournal, func() error { return write(path, data) })
	}
	p.writer.quarantine.log = steppingLog{p.writer.quarantine.log, st}
	go func() { p.ended <- sp.Run(p.ctx) }()
	return p
}

// accept makes records durable.
func (p *process) accept(records ...[]byte) {
	for _, rec := range records {
		ticket, err := p.spool.Put(rec)
		if err == nil {
			err = p.spool.Wait(context.Background(), ticket)
		}
		if err != nil {
			p.t.Fatalf("put: %v", err)
		}
		p.accepted++
	}
}

// run starts the writer.
func (p *process) run() {
	p.writing = true
	go func() { p.ended <- p.writer.Run(p.ctx) }()
}

// metric returns one of the writer's numbers.
func (p *process) metric(name string) float64 {
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatalf("gather: %v", err)
	}
	for _, f := range families {
		if f.GetName() == "zgoda_writer_"+name {
			sum := 0.0
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
			return sum
		}
	}
	return 0 // one with labels that never was
}

// end ends the process and checks that each record has one fate.
func (p *process) end() {
	p.kill()
	errs := []error{<-p.ended}
	if p.writing {
		errs = append(errs, <-p.ended)
	}
	if err := errors.Join(errs...); err != nil {
		p.t.Fatalf("run: %v", err)
	}
	left := p.spool.Stats().Records
	if got, want := p.fates.sum()+left+p.lost, p.spool.Recovered()+p.accepted; got != want {
		p.t.Fatalf("I5 broken: fates %+v, %d waiting and %d released at death, of %d", &p.fates, left, p.lost, want)
	}
	if err := p.spool.Close(); err != nil {
		p.t.Fatalf("close: %v", err)
	}
}

// drain waits until all is shipped or the process dies, and says whether it died.
func (p *process) drain() bool {
	deadline, stop := context.WithTimeout(p.ctx, 20*time.Second)
	defer stop()
	err := p.writer.Drain(deadline)
	died := p.ctx.Err() != nil
	if !died && err != nil {
		p.t.Fatalf("drain: %v with %d left", err, p.spool.Stats().Records)
	}
	return died
}

// life is one process from beginning to end.
func life(t require, dir string, st *store, puts [][]byte) (*tally, bool) {
	p := begin(t, dir, st, testConfig(dir), quiet)
	p.accept(puts...)
	p.run()
	died := p.drain()
	p.end()
	return &p.fates, died
}

// keptIn returns the records in the quarantine by their positions in the spool.
func keptIn(t require, dir string) map[string]record.Record {
	paths, err := filepath.Glob(filepath.Join(dir, "quarantine", "*"+quarantineSuffix))
	if err != nil {
		t.Fatalf("%v", err)
	}
	out := map[string]record.Record{}
	for _, path := range paths {
		if err := spool.ReadLog(path, testKey, func(rec []byte) bool {
			r, _ := record.Decode(rec[17:]) // one that cannot be decoded is kept as well
			out[string(rec[1:9])] = r
			return rec[0] == quarantineVersion
		}); err != nil {
			t.Fatalf("read the quarantine: %v", err)
		}
	}
	return out
}

func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond) // a poll with a deadline
	}
	tb.Fatalf("never: %s", what)
}
