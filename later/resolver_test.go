package later

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/sealed"
	"zgoda/spool"
	"zgoda/subjects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = []byte("0123456789abcdef0123456789abcdef")

// keyholderFake opens what names a number: people of that number.
type keyholderFake struct {
	mu    sync.Mutex
	err   error
	calls int
	gone  string // what it opens no more
}

func (k *keyholderFake) retire(blob string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone = blob
}

func (k *keyholderFake) set(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keyholderFake) Open(_ context.Context, blobs [][]byte) ([]pseudonym.Opened, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.err != nil {
		return nil, k.err
	}
	out := make([]pseudonym.Opened, len(blobs))
	for i, b := range blobs {
		n, err := strconv.Atoi(string(b))
		out[i].Readable = err == nil && (k.gone == "" || string(b) != k.gone)
		out[i].Gate = 7
		out[i].List = []sealed.Identifier{{H1: event.Blinded{1, byte(n)}, Kind: event.KindVisitor}, {H1: event.Blinded{2, byte(n)}, Kind: event.KindEmail, Mint: true}}
	}
	return out, nil
}

// collectorFake takes events, in order, as a test says.
type collectorFake struct {
	mu      sync.Mutex
	taken   []string
	ids     [][]subjects.Identity
	resume  func(id string) (Outcome, error)
	settles func(calls int) error
	settled int
}

func (c *collectorFake) Resume(_ context.Context, e *Event, ids []subjects.Identity) (Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out Outcome
	var err error
	if c.resume != nil {
		out, err = c.resume(e.Raw.MessageID)
	}
	if err == nil {
		c.taken, c.ids = append(c.taken, e.Raw.MessageID), append(c.ids, ids)
	}
	return out, err
}

func (c *collectorFake) Settle(context.Context, Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled++
	if c.settles != nil {
		return c.settles(c.settled)
	}
	return nil
}

type fatesFake struct {
	mu          sync.Mutex
	dropped     map[event.Reason]int
	quarantined int
}

func (f *fatesFake) DropLater(r event.Reason, n int) { f.mu.Lock(); f.dropped[r] += n; f.mu.Unlock() }

func (f *fatesFake) Quarantine(n int) { f.mu.Lock(); f.quarantined += n; f.mu.Unlock() }

// world is a resolver on a real queue.
type world struct {
	queue     *spool.Spool
	kept      *spool.Log
	keyholder *keyholderFake
	collector *collectorFake
	fates     *fatesFake
	registry  *prometheus.Registry
	dir       string
	stop      func()
}

func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{keyholder: &keyholderFake{}, collector: &collectorFake{}, fates: &fatesFake{dropped: map[event.Reason]int{}}, registry: prometheus.NewRegistry(), dir: dir}
	sealing, err := QueueKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if w.queue, err = spool.Open(QueueConfig(filepath.Join(dir, "later"), MinLimit), sealing); err != nil {
		t.Fatal(err)
	}
	if w.kept, err = spool.OpenLog(filepath.Join(dir, "undecided"), ".quarantine", sealing); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs the queue and the resolver until the test ends or stop is called.
func (w *world) run(t *testing.T) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.RetryMin, cfg.RetryMax, cfg.Drain = time.Millisecond, 5*time.Millisecond, 10*time.Millisecond
	r, err := New(cfg, Deps{
		Queue: w.queue, Keyholder: w.keyholder, Collector: w.collector, Kept: w.kept, Fates: w.fates,
		Logger: slog.New(slog.DiscardHandler), Registerer: w.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	committing, stopCommit := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.queue.Run(committing); err != nil {
			t.Error(err)
		}
	})
	resolving := make(chan struct{})
	go func() {
		defer close(resolving)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-resolving
		stopCommit()
		wg.Wait()
		if err := errors.Join(w.queue.Close(), w.kept.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
}

// put lets an event wait, of the person of a number.
func (w *world) put(t *testing.T, id, person string) {
	t.Helper()
	e := waiting(id)
	e.Sealed = []byte(person)
	ticket, err := w.queue.Put(Append(nil, e))
	if err == nil {
		err = w.queue.Wait(t.Context(), ticket)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// eventually polls, since nothing tells from outside how far a resolver is.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (w *world) empty(t *testing.T) {
	t.Helper()
	eventually(t, "no event waits", func() bool { return w.queue.Stats().Records == 0 })
}

// TestResolver: nothing is decided while the keyholder is away; then everything is,
// one person's events in their order, and leaves the queue.
func TestResolver(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.keyholder.set(pseudonym.ErrAway)
	w.run(t)
	for i := range 300 {
		w.put(t, fmt.Sprintf("m-%03d", i), strconv.Itoa(i%7))
	}
	eventually(t, "the keyholder is asked again", func() bool {
		w.keyholder.mu.Lock()
		defer w.keyholder.mu.Unlock()
		return w.keyholder.calls > 3
	})
	if w.queue.Stats().Records != 300 || len(w.collector.taken) != 0 {
		t.Fatalf("%d wait, %d decided, while the keyholder is away", w.queue.Stats().Records, len(w.collector.taken))
	}
	w.keyholder.set(nil)
	w.empty(t)
	w.stop()
	if len(w.collector.taken) != 300 || w.collector.settled != 300 {
		t.Fatalf("%d decided, %d settled", len(w.collector.taken), w.collector.settled)
	}
	last := map[int]string{}
	for i, id := range w.collector.taken {
		var n int
		if _, err := fmt.Sscanf(id, "m-%d", &n); err != nil || id <= last[n%7] {
			t.Fatalf("%s after %s, of one person: %v", id, last[n%7], err)
		}
		last[n%7] = id
		want := []subjects.Identity{
			{H1: event.Blinded{1, byte(n % 7)}, Kind: event.KindVisitor}, {H1: event.Blinded{2, byte(n % 7)}, Kind: event.KindEmail, Mint: true, Gate: 7},
		}
		if !slices.Equal(w.collector.ids[i], want) {
			t.Fatalf("%s: other identifiers", id)
		}
	}
}

// TestFates: stored, dropped, given up by the disk and taken again, never to be
// decided: each is counted once.
func TestFates(t *testing.T) {
	w := newWorld(t, t.TempDir())
	tries := 0
	w.collector.resume = func(id string) (Outcome, error) {
		switch id {
		case "dropped":
			return Outcome{Reason: event.ReasonRestricted}, nil
		case "never":
			return Outcome{}, fmt.Errorf("x: %w", ErrNever)
		case "twice":
			if tries++; tries == 1 {
				return Outcome{}, subjects.ErrControlAway
			}
		}
		return Outcome{}, nil
	}
	w.collector.settles = func(calls int) error {
		if calls == 1 {
			return spool.ErrFailed
		}
		return nil
	}
	w.run(t)
	for i, id := range []string{"stored", "dropped", "never", "twice"} {
		w.put(t, id, strconv.Itoa(i))
	}
	w.put(t, "sealed to another", "not a number")
	ticket, err := w.queue.Put([]byte{9, 9, 9})
	if err == nil {
		err = w.queue.Wait(t.Context(), ticket)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.empty(t)
	w.stop()
	count := map[string]int{}
	for _, id := range w.collector.taken {
		count[id]++
	}
	if count["stored"]+count["twice"] != 3 || count["dropped"] != 1 || tries < 2 {
		t.Errorf("decided %v", count)
	}
	if w.fates.dropped[event.ReasonRestricted] != 1 || w.fates.quarantined != 3 {
		t.Errorf("dropped %v, quarantined %d", w.fates.dropped, w.fates.quarantined)
	}
	kept := 0
	files, err := filepath.Glob(filepath.Join(w.dir, "undecided", "*.quarantine"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "nothing is kept")
	}
	sealing, err := QueueKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := spool.ReadLog(f, sealing, func([]byte) bool { kept++; return true }); err != nil {
			t.Fatal(err)
		}
	}
	if kept != 3 {
		t.Errorf("%d are kept, want 3", kept)
	}
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "zgoda_later_resolved_total" {
				want := map[string]float64{"stored": 2, "dropped": 1, "quarantined": 3}[m.GetLabel()[0].GetValue()]
				if m.GetCounter().GetValue() != want {
					t.Errorf("%v: %v, want %v", m.GetLabel(), m.GetCounter().GetValue(), want)
				}
			}
		}
	}
}

// TestRestart: what was not decided when the process ended is decided by the next.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	w.keyholder.set(pseudonym.ErrAway)
	w.run(t)
	for i := range 10 {
		w.put(t, fmt.Sprint("m", i), "1")
	}
	w.stop()
	again := newWorld(t, dir)
	if again.queue.Recovered() != 10 {
		t.Errorf("%d are there after a restart", again.queue.Recovered())
	}
	again.run(t)
	again.empty(t)
	again.stop()
	if len(again.collector.taken) != 10 {
		t.Errorf("%d decided", len(again.collector.taken))
	}
}

// TestSpoolKeyOpensNoQueue: the files of the queue are sealed under a key of their own.
func TestSpoolKeyOpensNoQueue(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	w.keyholder.set(pseudonym.ErrAway)
	w.run(t)
	w.put(t, "m", "1")
	w.stop()
	s, err := spool.Open(QueueConfig(filepath.Join(dir, "later"), MinLimit), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if s.Recovered() != 0 || len(s.Damage()) == 0 {
		t.Error("the spool's key opens the queue")
	}
}
