package subjects

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/event"
)

// TestI2RefusalHolds: 64 writers send events of one contact, alone and with
// linked visitors, while profiling is switched off; once the switch has
// answered, no event is accepted with profiling.
func TestI2RefusalHolds(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Entries = 4 }) // small: loads all the time
	contact := user("u")
	visitors := make([]Identity, 8)
	var handle event.Handle
	for i := range visitors {
		visitors[i] = visitor(fmt.Sprint(i))
		r, err := w.set.Link(t.Context(), site, time.Now(), []Identity{contact}, &visitors[i])
		if err != nil {
			t.Fatal(err)
		}
		handle = r.Contact.Handles.Consent
		w.grant(r.Visitor.Handles.Consent, "profiling", true)
	}
	w.grant(handle, "profiling", true)
	for range 5 {
		w.profiling(handle, true)
		w.race(handle, contact, visitors)
	}
}

// race runs the writers until some were accepted on both sides of the switch.
func (w *world) race(handle event.Handle, contact Identity, visitors []Identity) {
	w.t.Helper()
	var off atomic.Bool
	var with, after, broken atomic.Int64
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	var writers sync.WaitGroup
	for n := range 64 {
		ids := [][]Identity{{contact}, {visitors[n%8]}, {visitors[n%8], contact}}[n%3]
		writers.Go(func() {
			out := make([]Entry, len(ids))
			for ctx.Err() == nil {
				if err := w.set.Load(ctx, site, time.Now(), ids, out); err != nil {
					if ctx.Err() == nil {
						w.t.Error(err)
					}
					return
				}
				allowed := profilingAllowed(out...)
				err := w.set.Accept(out, func() error {
					switch {
					case allowed && off.Load():
						broken.Add(1)
					case allowed:
						with.Add(1)
					case off.Load():
						after.Add(1)
					}
					return nil
				})
				if err != nil && !errors.Is(err, ErrStale) {
					w.t.Error(err)
				}
			}
		})
	}
	until(ctx, func() bool { return with.Load() > 1000 })
	w.profiling(handle, false)
	off.Store(true) // the switch has answered
	until(ctx, func() bool { return after.Load() > 1000 })
	if ctx.Err() != nil {
		w.t.Errorf("too few events to tell: %d with, %d after", with.Load(), after.Load())
	}
	stop()
	writers.Wait()
	if n := broken.Load(); n != 0 {
		w.t.Errorf("%d events were accepted with profiling after the switch had answered", n)
	}
}

func until(ctx context.Context, done func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() && ctx.Err() == nil {
		<-tick.C
	}
}

// earlier is a loaded entry that some request still holds, in the state machine.
type earlier struct {
	who     int
	entries []Entry
}

// TestCacheAgainstModel drives grants, withdrawals, the switch, links, slow
// loaders and evictions against a model, and looks for one stale allow.
func TestCacheAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, func(c *Config) { c.Entries, c.Fence = int64(rapid.IntRange(1, 6).Draw(rt, "entries")), 64 })
		defer w.close()
		m := &model{w: w}
		rt.Repeat(map[string]func(*rapid.T){
			"grant":    func(rt *rapid.T) { m.choose(person(rt), true) },
			"withdraw": func(rt *rapid.T) { m.choose(person(rt), false) },
			"off":      func(rt *rapid.T) { m.change(person(rt), false) },
			"on":       func(rt *rapid.T) { m.change(person(rt), true) },
			"link": func(rt *rapid.T) {
				m.link(rapid.IntRange(0, people-1).Draw(rt, "visitor"), rapid.IntRange(people, 2*people-1).Draw(rt, "contact"))
			},
			"load": func(rt *rapid.T) { m.load(person(rt)) },
			"slow load": func(rt *rapid.T) {
				who := person(rt)
				other := rapid.SampledFrom([]int{who, rapid.IntRange(people, 2*people-1).Draw(rt, "contact")}).Draw(rt, "other")
				if rapid.Bool().Draw(rt, "granted") {
					m.choose(who, true)
				}
				m.slowLoad(who, other, rapid.Bool().Draw(rt, "after reading"))
				m.accept(rt, m.held[len(m.held)-1])
			},
			"drop":   func(rt *rapid.T) { w.set.table.clear() },
			"drop 1": func(rt *rapid.T) { id := m.identity(person(rt)); w.set.table.remove(w.set.sites.find(site), &id) },
			"accept": func(rt *rapid.T) {
				if len(m.held) > 0 {
					m.accept(rt, m.held[rapid.IntRange(0, len(m.held)-1).Draw(rt, "held")])
				}
			},
		})
	})
}

// people is the number of visitors, and of contacts after them.
const people = 2

func person(rt *rapid.T) int { return rapid.IntRange(0, 2*people-1).Draw(rt, "who") }

type model struct {
	w     *world
	given [2 * people]consent.Choice
	off   [2 * people]bool
	links [2 * people][2 * people]bool // visitor, contact
	held  []earlier
}

func (m *model) identity(who int) Identity {
	if who < people {
		return visitor(fmt.Sprint(who))
	}
	return user(fmt.Sprint(who))
}

func (m *model) handle(who int) event.Handle {
	if who < people {
		return derived("visitor", m.identity(who).H1)
	}
	return derived("contact", m.identity(who).H1)
}

func (m *model) choose(who int, on bool) {
	m.w.grant(m.handle(who), "profiling", on)
	m.given[who] = consent.ChoiceGiven
	if !on {
		m.given[who] = consent.ChoiceRefused
	}
}

func (m *model) change(who int, on bool) {
	m.w.profiling(m.handle(who), on)
	m.off[who] = !on
}

func (m *model) link(v, c int) {
	id := m.identity(v)
	if _, err := m.w.set.Link(context.Background(), site, time.Now(), []Identity{m.identity(c)}, &id); err != nil {
		m.w.t.Fatal(err)
	}
	m.links[v][c] = true
}

// allows is what must hold for the person now.
func (m *model) allows(who int) bool {
	ok := m.given[who] == consent.ChoiceGiven && !m.off[who]
	for c := range m.links[who] {
		if m.links[who][c] {
			ok = ok && m.given[c] != consent.ChoiceRefused && !m.off[c]
		}
	}
	return ok
}

func (m *model) load(who int) {
	m.held = append(m.held, earlier{who: who, entries: m.w.load(m.identity(who))})
}

// slowLoad loads, and lets another change of mind come while the store is read.
func (m *model) slowLoad(who, other int, after bool) {
	once := sync.Once{}
	meanwhile := func(context.Context) { once.Do(func() { m.choose(other, false) }) }
	m.w.slow.before, m.w.slow.after = meanwhile, nil
	if after {
		m.w.slow.before, m.w.slow.after = nil, meanwhile
	}
	m.w.set.table.clear()
	m.load(who)
	m.w.slow.before, m.w.slow.after = nil, nil
}

func (m *model) accept(rt *rapid.T, h earlier) {
	err := m.w.set.Accept(h.entries, func() error {
		if profilingAllowed(h.entries...) && !m.allows(h.who) {
			rt.Error("a stale allow was accepted")
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrStale) {
		rt.Error(err)
	}
	// What is loaded now must be accepted, and be the truth.
	fresh := m.w.load(m.identity(h.who))
	if got := profilingAllowed(fresh...); got != m.allows(h.who) {
		rt.Errorf("loaded %v, the model says %v", got, !got)
	}
	if err := m.w.set.Accept(fresh, func() error { return nil }); err != nil {
		rt.Errorf("a fresh entry was refused: %v", err)
	}
}

// TestI3FailClosed: every failing part gives an error in time, never an entry.
func TestI3FailClosed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(w *world)
		want  error
	}{
		{"the keyholder is away", func(w *world) { w.keys.set(func() { w.keys.err = errAway }) }, ErrKeyholderAway},
		{"the keyholder answers nonsense", func(w *world) { w.keys.set(func() { w.keys.garbage = true }) }, ErrKeyholderAway},
		{"the keyholder hangs", func(w *world) { w.keys.set(func() { w.keys.gate = make(chan struct{}) }) }, ErrKeyholderAway},
		{"the store hangs", func(w *world) { w.slow.before = func(ctx context.Context) { <-ctx.Done() } }, ErrControlAway},
		{"the store is closed", func(w *world) { _ = w.store.Close() }, ErrControlAway},
		{"the set is closed", func(w *world) { _ = w.set.Close() }, ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Timeout = 200 * time.Millisecond })
			c.spoil(w)
			began := time.Now()
			out := make([]Entry, 1)
			err := w.set.Load(t.Context(), site, time.Now(), []Identity{user("new")}, out)
			if !errors.Is(err, c.want) || !out[0].IsZero() {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestI3FailClosedForChanges: a change that is not durable is not answered, and
// what was known stays in force until it is.
func TestI3FailClosedForChanges(t *testing.T) {
	w := newWorld(t)
	e := w.load(user("u"))[0]
	other, err := sql.Open("sqlite", "file:"+w.path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	lock, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := w.set.SetProfiling(t.Context(), site, e.Handles.Consent, false, "ana", ""); !errors.Is(err, ErrControlAway) {
		t.Errorf("a locked store: %v", err)
	}
	v := visitor("v")
	if _, err := w.set.Link(t.Context(), site, time.Now(), []Identity{user("u")}, &v); !errors.Is(err, ErrControlAway) {
		t.Errorf("a link into a locked store: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the errors took %v", took)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.profiling(e.Handles.Consent, false)
	if err := w.set.Accept([]Entry{e}, func() error { return nil }); !errors.Is(err, ErrStale) {
		t.Errorf("after the lock: %v", err)
	}
}

// TestI3HitsOutliveTheKeyholder: who is cached goes on until the entry expires.
func TestI3HitsOutliveTheKeyholder(t *testing.T) {
	w := newWorld(t)
	w.load(user("u"))
	w.keys.set(func() { w.keys.err = errAway })
	out := make([]Entry, 1)
	if err := w.set.Load(t.Context(), site, time.Now(), []Identity{user("u")}, out); err != nil {
		t.Errorf("a cached person: %v", err)
	}
	if err := w.set.Load(t.Context(), site, time.Now().Add(w.cfg.TTL), []Identity{user("u")}, out); !errors.Is(err, ErrKeyholderAway) {
		t.Errorf("an expired one: %v", err)
	}
}
