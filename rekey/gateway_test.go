package rekey_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rekey"
	"zgoda/spool"
)

// gateway collects, spools and stores.
type gateway struct {
	*world

	name   string
	cached event.KeyVersion
	queue  []row
	put    int // ever
	holds  int
	lost   bool // the store is out of this gateway's reach
	forgot []event.KeyVersion
	stop   func() // in order: what is spooled is stored, while no other rewrites
	kill   func()
}

// start runs a gateway that may look after keys or not, with the spool of an
// earlier process.
func (w *world) start(name string, admin bool, left ...row) *gateway {
	w.t.Helper()
	w.mu.Lock()
	g := &gateway{world: w, name: name, cached: w.version, queue: left, put: len(left)}
	w.mu.Unlock()
	deps := rekey.Deps{
		Keyholder: g, Subjects: g, Spool: g, Writer: g, Begin: w.begin, Clear: w.clear, Refetch: func(context.Context) error { return w.fault("refetch") },
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
	collecting, stopCollect := context.WithCancel(ctx)
	wg.Go(func() { g.collect(collecting) })
	wg.Go(func() {
		select {
		case <-k.Begun():
			g.ship(ctx)
		case <-ctx.Done():
		}
	})
	g.kill = func() { cancel(); wg.Wait() }
	g.stop = func() {
		stopCollect()
		k.Rest()
		g.drain(drainWithin)
		g.kill()
	}
	return g
}

const drainWithin = 10 * time.Second

// drain waits until all that is spooled is stored, or a time is over.
func (g *gateway) drain(within time.Duration) {
	for began := time.Now(); g.WaitsBefore(g.End()) > 0 && time.Since(began) < within; {
		time.Sleep(50 * time.Millisecond)
	}
}

// every does something each so often, until ctx ends.
func every(ctx context.Context, d time.Duration, do func()) {
	for tick := time.NewTicker(d); ; {
		select {
		case <-tick.C:
			if ctx.Err() == nil {
				do()
			}
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
	every(ctx, 50*time.Millisecond, g.store)
}

func (g *gateway) cut(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = on
}

// store stores a range, unless the writer is held.
func (g *gateway) store() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds > 0 || g.hung || g.lost {
		return
	}
	if g.rewriting {
		g.t.Errorf("%s stores while a partition is rewritten", g.name)
	}
	n := min(10, len(g.queue))
	g.rows, g.queue = append(g.rows, g.queue[:n]...), g.queue[n:]
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
	g.mu.Lock()
	away, board := g.away, g.board
	g.mu.Unlock()
	if release {
		board.Release(node)
		return false, time.Time{}, nil
	}
	if away {
		return false, time.Time{}, errAway
	}
	held, until := board.Lease(node)
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
	g.forgot = append(g.forgot, version)
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
