package apptest

import (
	"testing"
	"time"
)

// TestRotationOfTwoGateways: while one of two gateways rewrites what both store,
// neither refuses, loses or doubles an event, and a contact that comes to both
// stays one.
func TestRotationOfTwoGateways(t *testing.T) {
	t.Parallel()
	g := startGateways(t)
	p, q := person{s: g.a}, person{s: g.b, sent: 1000}
	p.comes(t, 50)
	q.comes(t, 50)
	g.a.settled(t, time.Minute)
	g.b.settled(t, time.Minute)
	one := startLoad(t, host(t, g.a.public), mix{clients: 4, pause: 20 * time.Millisecond})
	two := startLoad(t, host(t, g.b.public), mix{clients: 4, pause: 20 * time.Millisecond, first: 100})
	eventually(t, time.Minute, "load on both", func() bool { return one.acked.Load() > 1000 && two.acked.Load() > 1000 })
	for round := range 3 {
		before, _ := p.rows(t)
		old, start := p.subject(t), time.Now()
		out, errs, code := g.a.zgoda(t, "", "keys", "rotate", "purpose-profiling", "--socket", g.admin)
		if code != 0 {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		after, _ := p.rows(t)
		t.Logf("rotation %d with two gateways under load: one contact's rows %d before, %d after; %s", round+1, before, after, time.Since(start).Round(10*time.Millisecond))
		if before == 0 || before != after || p.subject(t) == old {
			t.Errorf("%d rows before, %d after; a new pseudonym: %t", before, after, p.subject(t) != old)
		}
		p.comes(t, 1)
		q.comes(t, 1)
		eventually(t, time.Minute, "the contact's events by both gateways under one pseudonym", func() bool { n, _ := p.rows(t); return n == after+2 })
	}
	one.stop()
	two.stop()
	g.b.settled(t, 2*time.Minute)
	g.a.exactlyOnce(t, one, 2*time.Minute)
	g.b.exactlyOnce(t, two, 2*time.Minute)
	for _, l := range []*load{one, two} {
		if l.busy.Load() > 0 || l.silent.Load() > 0 {
			t.Errorf("clients noticed: %s", l.told())
		}
	}
}
