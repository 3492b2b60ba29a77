package enrich

import (
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKeptAreBounded puts in more than fit, from many goroutines.
func TestKeptAreBounded(t *testing.T) {
	const most = 64
	cfg := DefaultConfig()
	cfg.Agents = most
	e := open(t, cfg)
	var all sync.WaitGroup
	for part := range uint64(4) {
		all.Go(func() {
			for k := range uint64(1000) {
				e.agents.kept.Set(part<<32|k, Families{Browser: fmt.Sprint(k)}, 1)
				if n := e.Stats().Kept; n > most {
					t.Errorf("%d are kept", n)
					return
				}
			}
		})
	}
	all.Wait()
	e.agents.kept.Wait()
	held := 0
	e.agents.kept.IterValues(func(Families) bool { held++; return false })
	if n := e.Stats().Kept; n != most || held != most {
		t.Errorf("%d are told and %d kept, not %d", n, held, most)
	}
}

// TestFloodOfNewAgents: whoever sends a new user agent each time drives out none
// that people use.
func TestFloodOfNewAgents(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Agents, cfg.Reads = 256, 100_000
	e := open(t, cfg)
	ask := func() (missed uint64) {
		before := e.Stats().Missed
		for _, c := range wellKnown {
			if got := e.Families([]byte(c.agent)); got != c.want {
				t.Fatalf("%s: %+v", c.agent, got)
			}
		}
		return e.Stats().Missed - before
	}
	for range 100 { // more than hitsTogether
		ask()
		e.agents.kept.Wait()
	}
	for n := range 3000 {
		e.Families(fmt.Appendf(nil, "new %d", n))
		if n%100 == 0 {
			ask()
		}
	}
	e.agents.kept.Wait()
	if missed := ask(); missed > 5 && !raceEnabled {
		t.Errorf("%d of %d were driven out", missed, len(wellKnown))
	}
}

// TestMissed: what is remembered is not read, and what is forgotten is read again.
func TestMissed(t *testing.T) {
	e := fresh(t)
	agent := []byte(wellKnown[0].agent)
	for range 3 {
		if got := e.Families(agent); got != wellKnown[0].want {
			t.Errorf("%+v", got)
		}
		e.agents.kept.Wait()
	}
	if s := e.Stats(); s != (Stats{Missed: 1, Kept: 1}) {
		t.Errorf("%+v", s)
	}
	e.agents.kept.Clear()
	if got := e.Families(agent); got != wellKnown[0].want || e.Stats().Missed != 2 {
		t.Errorf("%+v, %+v", got, e.Stats())
	}
}

// TestClosedReads: a late caller gets families still, and nothing is kept.
func TestClosedReads(t *testing.T) {
	e := fresh(t)
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := e.Families([]byte(wellKnown[0].agent)); got != wellKnown[0].want {
			t.Errorf("%+v", got)
		}
	}
	if s := e.Stats(); s != (Stats{Missed: 2}) {
		t.Errorf("%+v", s)
	}
}

// BenchmarkKnownAgent reads user agents that are remembered: one, and those that
// people use in turn from all processors.
func BenchmarkKnownAgent(b *testing.B) {
	e := fresh(b)
	agents := make([][]byte, len(wellKnown))
	for i, c := range wellKnown {
		agents[i] = []byte(c.agent)
		e.Families(agents[i])
	}
	e.agents.kept.Wait()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Families(agents[5])
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e.Families(agents[i%len(agents)])
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for i := 0; p.Next(); i++ {
				e.Families(agents[i%len(agents)])
			}
		})
	})
}
