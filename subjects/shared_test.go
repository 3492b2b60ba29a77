package subjects

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/record"
)

// shared is a node of several that share a store, and a keyholder.
type shared struct {
	t     testing.TB
	store *control.Store
	set   *Set
}

func newShared(tb testing.TB, node ledger.Writer, address string, keys *keyholder) *shared {
	tb.Helper()
	cfg := control.DefaultConfig(filepath.Join(tb.TempDir(), "unused.db"))
	cfg.Address, cfg.Node = address, node
	store, err := control.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	own := DefaultConfig()
	own.Entries, own.Wait = 10_000, time.Millisecond
	set, err := New(own, Deps{Resolver: keys, Store: store, Watcher: store, Policies: policies})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- set.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, set.Close(), store.Close()); err != nil {
			tb.Error(err)
		}
	})
	s := &shared{t: tb, store: store, set: set}
	s.eventually("the first beat", set.hearing.trusted)
	return s
}

// eventually waits for something to become so, and returns how long that took.
func (s *shared) eventually(what string, ok func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 20*time.Second)
	defer cancel()
	until(ctx, ok)
	if ctx.Err() != nil {
		s.t.Fatalf("not within 20 s: %s", what)
	}
	return time.Since(began)
}

func (s *shared) load(id Identity) (Entry, error) {
	out := make([]Entry, 1)
	err := s.set.Load(context.Background(), site, time.Now(), []Identity{id}, out)
	return out[0], err
}

func (s *shared) grants(id Identity) bool {
	s.t.Helper()
	e, err := s.load(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Record().Purposes[bitProfiling].Choice == consent.ChoiceGiven
}

func (s *shared) choose(h event.Handle, grant bool) event.Sequence {
	s.t.Helper()
	seq, err := s.set.SetConsent(context.Background(), site, h, "profiling", grant, "ana", ledger.ChannelAPI, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return seq
}

// accepts says whether the entry would still be taken.
func (s *shared) accepts(e Entry) bool {
	err := s.set.Accept([]Entry{e}, func() error { return nil })
	if err != nil && !errors.Is(err, ErrStale) {
		s.t.Fatal(err)
	}
	return err == nil
}

// TestWithdrawalIsEnforcedOnTheOtherNode: what is withdrawn on one node is
// refused on the other, also to whoever holds an entry from before.
func TestWithdrawalIsEnforcedOnTheOtherNode(t *testing.T) {
	server, keys := pgtest.Start(t), newKeyholder()
	address := server.Database(t)
	a, b := newShared(t, "a", address, keys), newShared(t, "b", address, keys)
	id := user("jana")
	var took []time.Duration
	for range 100 {
		e, err := a.load(id)
		if err != nil {
			t.Fatal(err)
		}
		h := e.Handles.Consent
		a.choose(h, true)
		b.eventually("a grant on the other node", func() bool { return b.grants(id) })
		old, err := b.load(id)
		if err != nil || !b.accepts(old) {
			t.Fatalf("an entry in force is not taken: %v", err)
		}
		a.choose(h, false)
		took = append(took, b.eventually("the withdrawal on the other node", func() bool { return !b.accepts(old) }))
		if b.grants(id) {
			t.Fatal("loaded again, and still granted")
		}
	}
	slices.Sort(took)
	t.Logf("from the answer on one node to the other node: median %v, 99 of 100 within %v", took[50], took[98])
	if took[99] > time.Second {
		t.Errorf("a withdrawal took %v", took[99])
	}
	heads, err := a.store.Verify(t.Context())
	if err != nil || len(heads) != 1 || heads[0].Number != 200 {
		t.Errorf("%v, %v", heads, err)
	}
}

// TestCutOffNodeDenies: a node that does not hear from the store takes nothing
// within about a second, whether its connections break or hang, misses nothing
// once they are mended, and needs no restart.
func TestCutOffNodeDenies(t *testing.T) {
	server := pgtest.Start(t)
	for name, cut := range map[string]func(*pgtest.Proxy){"cut": (*pgtest.Proxy).Cut, "hanging": (*pgtest.Proxy).Hang} {
		t.Run(name, func(t *testing.T) {
			keys, proxy, address := newKeyholder(), pgtest.NewProxy(t, server), server.Database(t)
			a, b := newShared(t, "a", address, keys), newShared(t, "b", pgtest.Through(t, address, proxy.Address()), keys)
			id := user("jana")
			e, err := a.load(id)
			if err != nil {
				t.Fatal(err)
			}
			a.choose(e.Handles.Consent, true)
			b.eventually("a grant", func() bool { return b.grants(id) })
			old, err := b.load(id)
			if err != nil || !b.accepts(old) {
				t.Fatalf("an entry in force is not taken: %v", err)
			}
			cut(proxy)
			a.choose(e.Handles.Consent, false) // nobody tells b
			took := b.eventually("entries being refused", func() bool { return !b.accepts(old) })
			t.Logf("%s: nothing is taken any more after %v", name, took)
			if took > 1500*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			if _, err := b.load(id); !errors.Is(err, ErrControlAway) {
				t.Errorf("loading: %v", err)
			}
			if err := b.set.Recheck(t.Context(), []record.Record{{Site: site, Scope: event.ScopePerson, Consent: [3]event.Handle{e.Handles.Consent}, Sequence: 1 << 40}}, make([]event.Reason, 1)); !errors.Is(err, ErrControlAway) {
				t.Errorf("a spooled record was shipped unseen: %v", err)
			}
			proxy.Mend()
			t.Logf("%s: heard again after %v", name, b.eventually("the store again", b.set.hearing.trusted))
			b.eventually("an answer of the store", func() bool { _, err := b.load(id); return err == nil })
			if b.grants(id) || b.accepts(old) {
				t.Error("what was withdrawn meanwhile is still granted")
			}
		})
	}
}

// refusal is when the refusal in force was answered, and by which node.
type refusal struct {
	at   time.Time
	node int
}

// crossing is two nodes on which the same people change their minds.
type crossing struct {
	nodes   []*shared
	handles map[string]event.Handle

	mu      sync.Mutex
	refused map[string]refusal
}

func (c *crossing) refusal(name string) (refusal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, was := c.refused[name]
	return r, was
}

// change grants on one node and withdraws on the other, again and again.
func (c *crossing) change(name string, first, rounds int) {
	for round := range rounds {
		node := (first + round) % 2
		c.mu.Lock()
		delete(c.refused, name)
		c.mu.Unlock()
		c.nodes[node].choose(c.handles[name], true)
		c.nodes[1-node].choose(c.handles[name], false)
		c.mu.Lock()
		c.refused[name] = refusal{time.Now(), 1 - node}
		c.mu.Unlock()
		time.Sleep(time.Duration(round%3) * time.Millisecond) // the pace of the load: a refusal is in force for a while
	}
}

// take accepts people on a node until all is done, and returns how often.
func (c *crossing) take(n int, names []string, done <-chan struct{}) (taken int) {
	node := c.nodes[n]
	for i := 0; ; i++ {
		select {
		case <-done:
			return taken
		default:
		}
		name := names[i%len(names)]
		before, was := c.refusal(name)
		e, err := node.load(user(name))
		if err != nil {
			node.t.Error(err)
			return taken
		}
		if e.Record().Purposes[bitProfiling].Choice != consent.ChoiceGiven || !node.accepts(e) {
			continue
		}
		taken++
		now, still := c.refusal(name)
		if was && still && before == now && (before.node == n || time.Since(before.at) > time.Second) {
			node.t.Errorf("taken %v after a refusal on node %d was answered", time.Since(before.at), before.node)
		}
	}
}

// TestI2AcrossNodes: on both nodes people are loaded and accepted while others
// withdraw and grant on both. Nothing is taken on what was withdrawn on the same
// node before, nor on the other one more than a second before.
func TestI2AcrossNodes(t *testing.T) {
	server, keys := pgtest.Start(t), newKeyholder()
	address := server.Database(t)
	nodes := []*shared{newShared(t, "a", address, keys), newShared(t, "b", address, keys)}
	c := &crossing{nodes: nodes, handles: map[string]event.Handle{}, refused: map[string]refusal{}}
	names := []string{"ana", "eva", "iva", "ola"}
	for _, name := range names {
		e, err := nodes[0].load(user(name))
		if err != nil {
			t.Fatal(err)
		}
		c.handles[name] = e.Handles.Consent
	}
	var changing, taking sync.WaitGroup
	done := make(chan struct{})
	for i, name := range names {
		changing.Go(func() { c.change(name, i, 60) })
	}
	taken := make([]int, 2)
	for n := range nodes {
		taking.Go(func() { taken[n] = c.take(n, names, done) })
	}
	changing.Wait()
	close(done)
	taking.Wait()
	t.Logf("%d and %d taken", taken[0], taken[1])
	if heads, err := nodes[0].store.Verify(t.Context()); err != nil || len(heads) != 2 {
		t.Errorf("%v, %v", heads, err)
	}
	through := max(nodes[0].store.Sequence(), nodes[1].store.Sequence())
	for _, n := range nodes {
		n.eventually("all changes", func() bool { return n.set.AsOf() == through })
	}
}
