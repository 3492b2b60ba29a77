package rekey_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/standstill"
	"zgoda/rekey"
	"zgoda/spool"
)

var errAway = errors.New("away")

// row is one stored event: its number, under which version of the key, and where.
type row struct {
	id        int
	version   event.KeyVersion
	partition string
}

// world is a keyholder and a store that several gateways share.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	board *standstill.Board

	version  event.KeyVersion
	revision uint64
	open     bool
	done     int  // times that RotateDone was called
	away     bool // the keyholder does not answer

	rows      []row
	next      int
	rewriting bool
	faults    []string // what fails next, by act
	latest    int      // pass; an earlier one has lost its map
	took      time.Duration
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, board: standstill.New(time.Now), version: 1, revision: 1, took: time.Second}
}

// fault says whether an act fails now.
func (w *world) fault(act string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) > 0 && w.faults[0] == act {
		w.faults = w.faults[1:]
		return fmt.Errorf("%s: %w", act, errAway)
	}
	return nil
}

// rotate begins a rotation.
func (w *world) rotate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.revision++
	w.open = true
}

// gateway collects, spools and stores.
type gateway struct {
	*world

	name   string
	cached event.KeyVersion
	queue  []row
	put    int // ever
	holds  int
	stop   func()
}

// start runs a gateway that may look after keys or not, with the spool of an
// earlier process.
func (w *world) start(name string, admin bool, left ...row) *gateway {
	w.t.Helper()
	w.mu.Lock()
	g := &gateway{world: w, name: name, cached: w.version, queue: left, put: len(left)}
	w.mu.Unlock()
	deps := rekey.Deps{
		Keyholder: g, Subjects: g, Spool: g, Writer: g, Begin: w.begin, Refetch: func(context.Context) error { return w.fault("refetch") },
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if admin {
		deps.Admin = g
	}
	k, err := rekey.New(rekey.DefaultConfig(name), deps)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := k.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	wg.Go(func() { g.collect(ctx) })
	wg.Go(func() {
		select {
		case <-k.Begun():
			g.ship(ctx)
		case <-ctx.Done():
		}
	})
	g.stop = func() { cancel(); wg.Wait() }
	return g
}

// every does something each so often.
func every(ctx context.Context, d time.Duration, do func()) {
	for tick := time.NewTicker(d); ; {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (g *gateway) collect(ctx context.Context) {
	every(ctx, 7*time.Millisecond, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.next++
		g.put++
		g.queue = append(g.queue, row{g.next, g.cached, fmt.Sprint(g.next % 3)})
	})
}

func (g *gateway) ship(ctx context.Context) {
	every(ctx, 50*time.Millisecond, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.holds > 0 {
			return
		}
		if g.rewriting {
			g.t.Errorf("%s stores while a partition is rewritten", g.name)
		}
		n := min(10, len(g.queue))
		g.rows, g.queue = append(g.rows, g.queue[:n]...), g.queue[n:]
	})
}

func (g *gateway) Attend(_ context.Context, node string, held bool) (pseudonym.Attendance, error) {
	if err := g.fault("attend"); err != nil {
		return pseudonym.Attendance{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away {
		return pseudonym.Attendance{}, errAway
	}
	return pseudonym.Attendance{Revision: g.revision, Hold: g.board.Ready("cert:"+node, node, held), Open: g.open}, nil
}

func (g *gateway) Resolve(context.Context, []pseudonym.Query) ([]event.Handles, error) {
	if err := g.fault("resolve"); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return []event.Handles{{Version: g.version}}, nil
}

func (g *gateway) PurposeMap(_ context.Context, key string, do func(pseudonym.PurposeMap) error) error {
	if err := g.fault("map"); err != nil {
		return err
	}
	g.mu.Lock()
	to := uint32(g.version)
	g.mu.Unlock()
	if key != "purpose-profiling" {
		g.t.Errorf("map of %s", key)
	}
	return do(pseudonym.PurposeMap{From: to - 1, To: to, Old: make([]event.Handle, 1), New: make([]event.Handle, 1)})
}

func (g *gateway) Lease(_ context.Context, node string, release bool) (bool, time.Time, error) {
	if err := g.fault("lease"); err != nil {
		return false, time.Time{}, err
	}
	if release {
		g.board.Release(node)
		return false, time.Time{}, nil
	}
	g.mu.Lock()
	away := g.away
	g.mu.Unlock()
	if away {
		return false, time.Time{}, errAway
	}
	held, until := g.board.Lease(node)
	return held, until, nil
}

func (g *gateway) RotateDone(context.Context, string) error {
	if err := g.fault("done"); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.rows {
		if r.version != g.version {
			g.t.Errorf("event %d is stored under version %d when the rotation is done", r.id, r.version)
			break
		}
	}
	g.open = false
	g.done++
	return nil
}

func (g *gateway) Forget(version event.KeyVersion) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cached == version {
		g.cached = g.version
	}
}

func (g *gateway) Flush(context.Context) error { return g.fault("flush") }

func (g *gateway) End() spool.Position {
	g.mu.Lock()
	defer g.mu.Unlock()
	return spool.Position(g.put)
}

func (g *gateway) WaitsBefore(p spool.Position) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, int(p)-(g.put-len(g.queue)))
}

func (g *gateway) Stats() spool.Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return spool.Stats{Bytes: int64(len(g.queue)), Limit: 1_000_000, Records: len(g.queue)}
}

func (g *gateway) Hold(context.Context) (func(), error) {
	if err := g.fault("hold"); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.holds--
	}), nil
}

// pass rewrites the world's rows.
type pass struct {
	*world
	number int
	to     event.KeyVersion
}

func (w *world) begin(_ context.Context, to event.KeyVersion) (rekey.Rewriting, error) {
	if err := w.fault("begin"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest++
	return &pass{w, w.latest, to}, nil
}

func (p *pass) there() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.number != p.latest {
		return errors.New("the map is gone")
	}
	return nil
}

func (p *pass) Map(context.Context, []event.Handle, []event.Handle) error { return p.there() }

func (p *pass) Partitions(context.Context) (ids []string, err error) {
	if err := errors.Join(p.there(), p.fault("partitions")); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range []string{"0", "1", "2"} {
		for _, r := range p.rows {
			if r.partition == id && r.version != p.to {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids, nil
}

// Rewrite copies, takes its time, and exchanges: what came meanwhile is lost.
func (p *pass) Rewrite(ctx context.Context, partition string) (n uint64, err error) {
	if err := p.there(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	if p.rewriting {
		p.t.Error("two rewrite at once")
	}
	p.rewriting = true
	var others, mine []row
	for _, r := range p.rows {
		if r.partition != partition {
			others = append(others, r)
			continue
		}
		if r.version != p.to {
			n++
		}
		mine = append(mine, row{r.id, p.to, r.partition})
	}
	took := p.took
	p.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		err = ctx.Err()
	}
	err = errors.Join(err, p.fault("rewrite"))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rewriting = false
	if err == nil {
		p.rows = append(others, mine...)
	}
	return n, err
}

func (p *pass) Links(context.Context) (uint64, error) { return 0, p.fault("links") }

func (p *pass) Left(context.Context) (n uint64, err error) {
	if err := errors.Join(p.there(), p.fault("left")); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rows {
		if r.version != p.to {
			n++
		}
	}
	return n, nil
}

func (p *pass) End(context.Context) error { return p.fault("end") }

// rotated waits until the rotation is done, and a little longer, and checks that
// every event is there once and none under the old key.
func (w *world) rotated(gateways ...*gateway) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Minute); w.isOpen(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the rotation does not come to its end; waiting for %v, %d faults left", w.board.Waits(), len(w.faults))
		}
	}
	time.Sleep(10 * time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[int]int{}
	for _, r := range w.rows {
		seen[r.id]++
		if r.version != w.version {
			w.t.Errorf("event %d is under version %d", r.id, r.version)
		}
	}
	for _, g := range gateways {
		for _, r := range g.queue {
			seen[r.id]++
		}
	}
	for id := 1; id <= w.next; id++ {
		if seen[id] != 1 {
			w.t.Errorf("event %d is there %d times", id, seen[id])
		}
	}
	if w.next < 100 || w.done == 0 {
		w.t.Errorf("%d events, done %d times", w.next, w.done)
	}
}

func (w *world) isOpen() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}
