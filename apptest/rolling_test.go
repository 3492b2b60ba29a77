package apptest

import (
	"testing"
	"time"
)

// TestRollingRestartDuringRotation: gateways are stopped in order and started again, one
// after the other, while one of two rewrites what both store and both are under load:
// first the one that follows, then the one that leads and behind it the other. Nothing
// that was acknowledged is lost or doubled, and nobody's rows stay under an old pseudonym.
func TestRollingRestartDuringRotation(t *testing.T) {
	t.Parallel()
	g := startGateways(t)
	p, q := person{s: g.a}, person{s: g.b, sent: 1000}
	p.comes(t, 20)
	q.comes(t, 20)
	g.a.settled(t, time.Minute)
	g.b.settled(t, time.Minute)
	p.had(t, g.dsn, 150_000, 0) // a moment to rewrite, in the month that events come to
	one := startLoad(t, host(t, g.a.public), mix{clients: 4, pause: 10 * time.Millisecond})
	two := startLoad(t, host(t, g.b.public), mix{clients: 4, pause: 10 * time.Millisecond, first: 100})
	eventually(t, time.Minute, "load on both", func() bool { return one.acked.Load() > 1000 && two.acked.Load() > 1000 })
	before, _ := p.rows(t)
	for _, round := range [][]*stack{{g.b}, {g.a, g.b}} {
		old := p.subject(t)
		if out, errs, code := g.a.zgoda(t, "", "keys", "rotate", "purpose-profiling", "--detach", "--socket", g.admin); code != 0 {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		eventually(t, time.Minute, "the month is being rewritten", func() bool { return round[0].metrics(t)["zgoda_writer_held_seconds"] > 0.1 })
		for _, s := range round {
			began := time.Now()
			s.stop(t)
			stopped := time.Since(began)
			s.start(t, host(t, s.public))
			t.Logf("stopped amid a rotation: %v, and ready again after %v", stopped.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		}
		eventually(t, time.Minute, "the rotation is done", func() bool {
			return g.a.metrics(t)["zgoda_rekey_open"] == 0 && g.b.metrics(t)["zgoda_rekey_open"] == 0 && p.subject(t) != old
		})
	}
	one.stop()
	two.stop()
	g.b.settled(t, time.Minute)
	g.a.exactlyOnce(t, one, time.Minute)
	g.b.exactlyOnce(t, two, time.Minute)
	if after, _ := p.rows(t); after != before || before == 0 {
		t.Errorf("one contact's rows: %d before, %d after", before, after)
	}
	if left := g.a.sql(t, "SELECT count() FROM events WHERE scope = 'person' AND key_version < (SELECT max(key_version) FROM events WHERE scope = 'person')"); left != "0" {
		t.Errorf("%s rows of contacts are under an old pseudonym", left)
	}
}
