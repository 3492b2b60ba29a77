package writer

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/engine/enginetest"
	"zgoda/record"
	"zgoda/spool"
)

// lived is a process over a real engine at the end of a line that can fail.
type lived struct {
	*process
	room   *enginetest.Room
	direct *activity.Store
	line   *line
	dir    string
}

func overEngine(t *testing.T) *lived {
	t.Helper()
	room := enginetest.StartRoom(t)
	direct := openStore(t, room.Access, room.Access.Address)
	// A stranger on this machine may end the engine at any time; it comes back.
	eventually(t, "the schema is there", func() bool { return direct.Migrate(t.Context()) == nil })
	l := &lived{room: room, direct: direct, line: newLine(t, room.Access.Address), dir: t.TempDir()}
	l.restart(t)
	return l
}

// restart begins another process over the same folders.
func (l *lived) restart(t *testing.T) {
	t.Helper()
	cfg := testConfig(l.dir)
	cfg.BatchRows, cfg.Settle = 500, 200*time.Millisecond
	cfg.RetryMin, cfg.RetryMax = 5*time.Millisecond, 100*time.Millisecond
	over := spool.DefaultConfig()
	over.Dir = l.dir + "/spool"
	l.process = beginOver(t, over, newStore(nil), cfg, quiet)
	l.writer.in = openStore(t, l.room.Access, l.line.address)
}

// acceptAll makes records durable, in groups.
func (l *lived) acceptAll(t *testing.T, rows []record.Record) {
	t.Helper()
	fill(t, l.spool, rows)
	l.accepted += len(rows)
}

// drainFor is drain with more patience: a real engine is started again meanwhile.
func (l *lived) drainFor(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithTimeout(l.ctx, 2*time.Minute)
	defer stop()
	if err := l.writer.Drain(ctx); err != nil {
		t.Fatalf("drain: %v with %d left", err, l.spool.Stats().Records)
	}
}

// hold takes the engine away: killed, and unreachable even when it is back.
func (l *lived) hold(t *testing.T) (back func()) {
	t.Helper()
	pid := l.room.PID()
	l.line.down.Store(true)
	l.line.hangUp()
	l.room.Kill()
	return func() {
		t.Helper()
		l.room.Restarted(t, pid, 30*time.Second)
		l.line.down.Store(false)
	}
}

// TestEngineAway: the engine dies with ranges in flight and stays away while the
// spool grows and clients send what they sent before. Nothing more than the ranges
// in flight is held in memory meanwhile, and when it is back every event is there
// once.
func TestEngineAway(t *testing.T) {
	l := overEngine(t)
	l.run()
	l.acceptAll(t, someRows(0, 2000))
	eventually(t, "some are stored", func() bool { return l.metric("rows_total") > 0 })
	back := l.hold(t)
	for i := range 20 {
		l.acceptAll(t, someRows(2000+i*1000-200, 2000+(i+1)*1000))
	}
	eventually(t, "everything is stalled", func() bool {
		return l.metric("stalled") >= float64(l.writer.cfg.Connections) && l.label("stalled") == "unreachable"
	})
	if got, most := l.metric("ranges_in_flight"), l.metric("ranges_in_flight_limit"); got > most || most != 5 {
		t.Fatalf("%v ranges in flight of %v", got, most)
	}
	back()
	l.drainFor(t)
	l.end()
	if got := count(t, l.direct); got != "22000\t22000" || l.fates.stored != 22_000 || l.fates.doubled != 20*200 {
		t.Fatalf("%s, fates %+v", got, &l.fates)
	}
}

// TestEngineSlow: inserts that take longer than they may are of unknown outcome
// each time, and once the line is quick again every row is there once.
func TestEngineSlow(t *testing.T) {
	l := overEngine(t)
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = l.line.address, l.room.Access.Admin.User, l.room.Access.Admin.Password.Reveal()
	c.QueryTimeout = 500 * time.Millisecond
	hasty, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hasty.Close() }()
	l.writer.in = hasty
	l.line.slow.Store(true)
	l.acceptAll(t, typicalRows(newRandom(), 5000))
	l.run()
	eventually(t, "inserts run out of time", func() bool { return l.metric("retries_total") > 5 })
	l.line.slow.Store(false)
	l.drainFor(t)
	l.end()
	if got := count(t, l.direct); got != "5000\t5000" || l.fates.stored != 5000 {
		t.Fatalf("%s, fates %+v", got, &l.fates)
	}
}

// turning is a store that is read-only for a while.
type turning struct {
	*activity.Store
	other    *activity.Store
	readOnly atomic.Bool
}

func (s *turning) Insert(ctx context.Context, token string, rows [][]byte) error {
	if s.readOnly.Load() {
		return s.other.Insert(ctx, token, rows)
	}
	return s.Store.Insert(ctx, token, rows)
}

// TestEngineReadOnly: a server that takes no writes is waited for and named.
func TestEngineReadOnly(t *testing.T) {
	l := overEngine(t)
	a := l.room.Access
	c := activity.Config{
		DSN:         fmt.Sprintf("clickhouse://%s:%s@%s/zgoda?readonly=1", a.Admin.User, a.Admin.Password.Reveal(), a.Address),
		DialTimeout: time.Second, QueryTimeout: time.Minute, MaxConnections: 4,
	}
	other, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	in := &turning{Store: l.direct, other: other}
	in.readOnly.Store(true)
	l.writer.in = in
	l.run()
	l.acceptAll(t, someRows(0, 1000))
	eventually(t, "it is stalled", func() bool { return l.metric("stalled") > 0 && l.label("stalled") == "read_only" })
	in.readOnly.Store(false)
	l.drainFor(t)
	l.end()
	if got := count(t, l.direct); got != "1000\t1000" || l.metric("readbacks_total") != 0 {
		t.Fatalf("%s, %v read back", got, l.metric("readbacks_total"))
	}
}

// TestRetryAfterLostAnswer: a client that got no answer sends its events again, to
// the next process: those that wait in the spool, are in the store, or are in both
// are stored once.
func TestRetryAfterLostAnswer(t *testing.T) {
	l := overEngine(t)
	l.run()
	inStore, inBoth, inSpool := someRows(0, 300), someRows(300, 600), someRows(600, 900)
	l.acceptAll(t, append(append(inStore[:300:300], inBoth...), someRows(5000, 5100)...))
	l.drainFor(t)
	l.line.down.Store(true)
	l.line.hangUp()
	l.acceptAll(t, append(inBoth[:300:300], inSpool...)) // the copies wait
	eventually(t, "they are in flight", func() bool { return l.metric("ranges_in_flight") > 0 })
	l.end()
	waiting := l.spool.Stats().Records
	if waiting < 300 || waiting > 600 { // a range of copies alone needs no store
		t.Fatalf("%d wait", waiting)
	}

	l.line.down.Store(false)
	l.restart(t)
	l.run()
	l.acceptAll(t, append(append(inStore[:300:300], inBoth...), inSpool...))
	l.drainFor(t)
	if reach := l.metric("dedup_window_seconds"); reach < 23*3600 || reach > 25*3600 {
		t.Fatalf("the window reaches %v s", reach)
	}
	l.end()
	if got := count(t, l.direct); got != "1000\t1000" {
		t.Fatal(got)
	}
}

// TestEraseBeforeTheEngine: with the engine away, what waits of a person is erased;
// when it is back none of it arrives and all of everybody else's does.
func TestEraseBeforeTheEngine(t *testing.T) {
	l := overEngine(t)
	l.run()
	l.acceptAll(t, someRows(0, 100))
	l.drainFor(t)
	back := l.hold(t)
	rows := someRows(1000, 3000)
	for i := range rows {
		rows[i].Consent[0] = peter
		if i%4 == 0 {
			rows[i].Consent[0], rows[i].PagePath = jana, "/jana"
		}
	}
	l.acceptAll(t, rows)
	eventually(t, "ranges are in flight", func() bool { return l.metric("ranges_in_flight") >= 2 })
	if n := l.erase(jana); n != 500 {
		t.Fatalf("erased %d", n)
	}
	back()
	l.drainFor(t)
	l.end()
	if got := count(t, l.direct); got != "1600\t1600" || l.fates.dropped != 500 || l.fates.stored != 1600 {
		t.Fatalf("%s, fates %+v", got, &l.fates)
	}
}
