package apptest

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// awayTime is how long ClickHouse is away, and how long it hangs: ten seconds,
// or the duration in ZGODA_AWAY_TIME.
func awayTime(t *testing.T) time.Duration {
	t.Helper()
	return lasting(t, "ZGODA_AWAY_TIME", 10*time.Second)
}

// TestClickHouseAway: ClickHouse is away under load, and comes back. Clients
// notice nothing, the gateway stays ready, and every event arrives once.
func TestClickHouseAway(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	withoutClickHouse(t, upWith(t, e), "away", func() { e.end(syscall.SIGKILL) }, func() { e.start(t) })
}

// TestClickHouseHangs: as TestClickHouseAway, with a ClickHouse that takes
// connections and answers nothing. The embedded engine may end when it goes on
// and finds that clients have hung up in the middle of their greeting; it is
// started again then.
func TestClickHouseHangs(t *testing.T) {
	t.Parallel()
	s := up(t)
	pid := s.child("zgoda-clickhouse")
	goOn := func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(goOn) // so that it can end
	withoutClickHouse(t, s, "hangs", func() { _ = syscall.Kill(pid, syscall.SIGSTOP) }, goOn)
	t.Logf("the engine was started again %v times", s.metrics(t)[`zgoda_child_restarts_total{child="clickhouse"}`])
}

func withoutClickHouse(t *testing.T, s *stack, how string, lose, restore func()) {
	t.Helper()
	l := startLoad(t, host(t, s.public), mix{clients: 8, pause: 20 * time.Millisecond})
	p := stepping(s, l)
	p.more(t, 1000)
	p.done(t, "load runs")

	before := s.metrics(t)
	lose()
	from, refused := l.acked.Load(), l.busy.Load()
	for deadline := time.Now().Add(awayTime(t)); time.Now().Before(deadline); pause(t, 200*time.Millisecond) {
		if status, text := s.readiness(t); status != http.StatusOK {
			t.Fatalf("not ready while ClickHouse %s: %d %s", how, status, text)
		}
		balance(t, s.metrics(t))
	}
	p.done(t, "ClickHouse "+how+" for "+awayTime(t).String())
	after := s.metrics(t)
	if l.busy.Load() != refused || l.silent.Load() != 0 {
		t.Errorf("clients noticed: %s", l.told())
	}
	if grown, acked := after["zgoda_spool_waiting_records"], l.acked.Load()-from; grown < float64(acked)/2 || acked == 0 {
		t.Errorf("%v records wait though %d events were answered 2xx meanwhile (%v waited before)", grown, acked, before["zgoda_spool_waiting_records"])
	}

	restore()
	eventually(t, time.Minute, "the spool shrinking", func() bool {
		return s.metrics(t)["zgoda_spool_waiting_records"] < after["zgoda_spool_waiting_records"]/2
	})
	p.done(t, "ClickHouse is back")
	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	p.done(t, "everything is shipped")
}

// TestSpoolFull: ClickHouse is away until the spool is at its limit. Events are
// refused then and not before; once ClickHouse is back they are taken again only
// below nine tenths of the limit, so that it does not flutter.
func TestSpoolFull(t *testing.T) {
	t.Parallel()
	const limit = 192 << 20
	e := startEngine(t)
	s := upWith(t, e, spoolLimit(t, "192MiB")...)
	l := startLoad(t, host(t, s.public), mix{clients: 8, pad: 6000})
	p := stepping(s, l)
	p.more(t, 500)
	e.end(syscall.SIGKILL)
	p.done(t, "ClickHouse is away, the spool grows")

	eventually(t, 2*time.Minute, "a full spool", func() bool {
		status, text := s.readiness(t)
		m := s.metrics(t)
		if status != http.StatusOK && m["zgoda_spool_bytes"] < limit {
			t.Fatalf("not ready below the limit: %s", text)
		}
		return status != http.StatusOK
	})
	p.becomes(t, http.StatusServiceUnavailable, "the spool is full")
	p.refused(t, 50)
	p.done(t, "the spool is full")
	m := s.metrics(t)
	if m["zgoda_spool_bytes"] < limit || m["zgoda_spool_bytes"] > limit+64<<20 || m[`zgoda_events_refused_total{reason="spool_full"}`] == 0 {
		t.Errorf("metrics at the limit: %v bytes, refused %v", m["zgoda_spool_bytes"], m[`zgoda_events_refused_total{reason="spool_full"}`])
	}

	l.stop() // from here on the spool only shrinks
	e.start(t)
	between := false
	eventually(t, time.Minute, "readiness below nine tenths of the limit", func() bool {
		held := s.metrics(t)["zgoda_spool_bytes"]
		status, _ := s.readiness(t)
		between = between || (status != http.StatusOK && held < limit)
		if status == http.StatusOK {
			held = s.metrics(t)["zgoda_spool_bytes"]
		}
		if status == http.StatusOK && held >= 0.9*limit {
			t.Fatalf("ready again at %.0f %% of the limit", 100*held/limit)
		}
		return status == http.StatusOK
	})
	t.Logf("seen between the marks and not ready: %v", between)
	p.done(t, "ClickHouse is back")
	again := startLoad(t, host(t, s.public), mix{clients: 1, first: 1000})
	eventually(t, time.Minute, "events answered 2xx again", func() bool { return again.acked.Load() > 0 })
	again.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	p.done(t, "everything is shipped")
}
