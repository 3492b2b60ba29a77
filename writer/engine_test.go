package writer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity"
	"zgoda/engine"
	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

var _ inserter = (*activity.Store)(nil)

// openStore opens the activity of a real engine at an address.
func openStore(tb testing.TB, access engine.Access, address string) *activity.Store {
	tb.Helper()
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = address, access.Admin.User, access.Admin.Password.Reveal()
	s, err := activity.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func count(tb testing.TB, s *activity.Store) string {
	tb.Helper()
	var b strings.Builder
	if err := s.Query(tb.Context(), "SELECT count(), uniqExact(message_id) FROM zgoda.events", &b, activity.TSV); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func someRows(from, to int) (out []record.Record) {
	now := time.Now().UTC().Truncate(time.Second)
	for i := from; i < to; i++ {
		out = append(out, record.Record{
			Site: "shop", Type: event.TypeTrack, MessageID: fmt.Sprintf("message-%08d", i), Name: "Product Viewed",
			Time: now, ReceivedAt: now, ExpiresAt: now.Add(240 * time.Hour), Scope: event.ScopePerson,
			Subject: event.Handle{1, byte(i), byte(i >> 8)}, PageHost: "shop.example", PagePath: "/products/:id",
			Browser: "Firefox", OS: "Linux", Device: "desktop", Country: "SK", Properties: `{"price":12.5,"currency":"EUR"}`,
			Purposes: 6, DecidedBy: "cookie", PolicyVersion: 1, KeyVersion: 1,
		})
	}
	return out
}

// encodedRows encodes rows as the spool has them.
func encodedRows(rows []record.Record) [][]byte {
	out := make([][]byte, len(rows))
	for i := range rows {
		out[i] = record.Append(nil, &rows[i])
	}
	return out
}

// TestInsertIsOneAttempt: the first OK of a token may be believed only if one
// Insert sends its rows at most once, whatever happens to the connection.
func TestInsertIsOneAttempt(t *testing.T) {
	access := enginetest.Start(t)
	direct := openStore(t, access, access.Address)
	if err := direct.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := newLine(t, access.Address)
	s := openStore(t, access, l.address)
	if err := s.Insert(t.Context(), "sound", encodedRows(someRows(0, 10))); err != nil || l.inserts.Load() != 1 {
		t.Fatalf("%d statements, %v", l.inserts.Load(), err)
	}

	l.hangUp() // the pooled connection is dead: at most one new attempt, and an OK is true
	l.inserts.Store(0)
	err := s.Insert(t.Context(), "stale", encodedRows(someRows(10, 20)))
	if l.inserts.Load() > 1 || (err == nil) != (count(t, direct) == "20\t20") {
		t.Fatalf("%d statements, %v", l.inserts.Load(), err)
	}

	if err := s.Ping(t.Context()); err != nil { // a fresh connection in the pool
		t.Fatal(err)
	}
	l.inserts.Store(0)
	l.cut.Store(true)
	if err := s.Insert(t.Context(), "cut", encodedRows(someRows(20, 30))); err == nil || poisonous(err) || l.inserts.Load() != 1 {
		t.Fatalf("the answer was lost: %d statements, %v", l.inserts.Load(), err)
	}
}

// shipped makes records durable and ships them with the real store.
func shipped(tb testing.TB, store *activity.Store, rows []record.Record) *tally {
	tb.Helper()
	return shippedBy(tb, store, rows, func(run func()) { run() })
}

// shippedBy is shipped with the shipping itself handed to around.
func shippedBy(tb testing.TB, store *activity.Store, rows []record.Record, around func(run func())) *tally {
	tb.Helper()
	dir := tb.TempDir()
	over := spool.DefaultConfig()
	over.Dir = dir + "/spool"
	sp, err := spool.Open(over, testKey)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Journal, cfg.Quarantine = dir+"/journal", dir+"/quarantine"
	fates := &tally{}
	w, err := New(cfg, Deps{
		Spool: sp, Inserter: store, Rechecker: &checker{n: 100}, Fates: fates,
		Logger: quiet, Registerer: prometheus.NewRegistry(), Key: testKey,
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- sp.Run(ctx) }()
	fill(tb, sp, rows)
	around(func() {
		go func() { ended <- w.Run(ctx) }()
		deadline, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		if err := w.Drain(deadline); err != nil {
			tb.Errorf("drain: %v", err)
		}
	})
	cancel()
	for _, err := range []error{<-ended, <-ended, sp.Close()} {
		if err != nil {
			tb.Error(err)
		}
	}
	return fates
}

func fill(tb testing.TB, sp *spool.Spool, rows []record.Record) {
	tb.Helper()
	var buf []byte
	for i := range rows {
		buf = record.Append(buf[:0], &rows[i])
		ticket, err := sp.Put(buf)
		if err == nil && (i%10_000 == 9999 || i == len(rows)-1) {
			err = sp.Wait(tb.Context(), ticket)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// TestRealStore: the whole way into a real engine, and again.
func TestRealStore(t *testing.T) {
	access := enginetest.Start(t)
	store := openStore(t, access, access.Address)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := someRows(0, 2000)
	if got := shipped(t, store, append(rows, rows[:100]...)); got.stored != 2000 || got.doubled != 100 {
		t.Fatalf("fates %+v", got)
	}
	if got := shipped(t, store, rows[:50]); got.doubled != 50 { // known from Recent
		t.Fatalf("fates %+v", got)
	}
	if got := count(t, store); got != "2000\t2000" {
		t.Fatal(got)
	}
}
