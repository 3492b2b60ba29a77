package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKey = []byte("0123456789abcdef0123456789abcdef")

func testConfig(dir string) Config {
	c := DefaultConfig()
	c.Journal, c.Quarantine = filepath.Join(dir, "journal"), filepath.Join(dir, "quarantine")
	c.BatchRows, c.Linger, c.Settle = 8, 0, 0
	c.RetryMin, c.RetryMax = time.Microsecond, time.Microsecond
	return c
}

// life is one process: the spool is opened, records are put, the writer runs until
// all is released or the store says that the process died.
func life(t require, dir string, st *store, puts [][]byte) (tally, bool) {
	cfg := spool.DefaultConfig()
	cfg.Dir, cfg.SegmentBytes, cfg.GroupBytes, cfg.MaxRecord, cfg.MaxBytes = filepath.Join(dir, "spool"), 2048, 2048, 1024, 1<<20
	sp, err := spool.Open(cfg, testKey)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	committed := make(chan error, 1)
	go func() { committed <- sp.Run(ctx) }()
	for _, rec := range puts {
		ticket, err := sp.Put(rec)
		if err == nil {
			err = sp.Wait(ctx, ticket)
		}
		if err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	st.dead, st.crash = false, cancel
	var fates tally
	w, err := New(testConfig(dir), Deps{
		Spool: sp, Inserter: st, Rechecker: &checker{}, Fates: &fates,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Key: testKey,
	})
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	deadline, stop := context.WithTimeout(ctx, 20*time.Second)
	drained := w.Drain(deadline)
	stop()
	died := ctx.Err() != nil
	cancel()
	left := sp.Stats().Records
	if err := errors.Join(<-ran, <-committed); err != nil {
		t.Fatalf("run: %v", err)
	}
	left = min(left, sp.Stats().Records)
	if !died && drained != nil {
		t.Fatalf("drain: %v with %d left", drained, left)
	}
	if got, want := fates.sum()+left, sp.Recovered()+len(puts); got != want {
		t.Fatalf("I5 broken: fates %+v and %d waiting, of %d", &fates, left, want)
	}
	if err := sp.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return tally{stored: fates.stored, doubled: fates.doubled, dropped: fates.dropped, quarantine: fates.quarantine}, died
}

// require is what testing.T and rapid.T share.
type require interface {
	Fatalf(format string, args ...any)
}

func encoded(messageID, name string) []byte {
	now := time.Now().UTC().Truncate(time.Second)
	return record.Append(nil, &record.Record{
		Site: "shop", Type: event.TypeTrack, MessageID: messageID, Name: name,
		Time: now, ReceivedAt: now, ExpiresAt: now.Add(time.Hour),
	})
}

// TestExactlyOnce: whatever the order of faults, crashes and restarts, every
// accepted message is stored once, and no other.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "writer")
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		faults := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(faultCount)-1), func(n int) fault { return fault(n) }), 0, 12).Draw(t, "faults")
		st := newStore(faults)
		want := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			var puts [][]byte
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 30).Draw(t, "messages") {
				name := []string{"", "", "", "withdrawn", "poison"}[n%5]
				id := fmt.Sprintf("m%d", n)
				want["shop|"+id] = name == ""
				puts = append(puts, encoded(id, name))
			}
			_, _ = life(t, dir, st, puts)
		}
		for died := true; died; {
			_, died = life(t, dir, st, nil)
		}
		for id, stored := range want {
			if n := st.rows[id]; stored && n != 1 || !stored && n != 0 {
				t.Fatalf("%s is stored %d times", id, n)
			}
		}
		if len(st.rows) > len(want) {
			t.Fatalf("rows that nobody sent")
		}
	})
}

func TestFatesAndQuarantine(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	puts := [][]byte{
		encoded("a", ""), encoded("b", "poison"), encoded("a", ""), encoded("c", "withdrawn"),
		[]byte("not a record"), encoded("d", ""),
	}
	got, _ := life(t, dir, st, puts)
	if got.stored != 2 || got.doubled != 1 || got.dropped != 1 || got.quarantine != 2 {
		t.Fatalf("fates %+v", &got)
	}
	if again, _ := life(t, dir, st, [][]byte{encoded("a", "")}); again.doubled != 1 {
		t.Fatalf("a duplicate of an earlier life: %+v", &again)
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "quarantine", "*"+quarantineSuffix))
	kept := 0
	for _, path := range paths {
		if err := spool.ReadLog(path, testKey, func(rec []byte) bool { kept++; return rec[0] == quarantineVersion }); err != nil {
			t.Fatal(err)
		}
	}
	if kept != 2 {
		t.Fatalf("%d records in quarantine", kept)
	}
}

func TestJournalRoundTripAndDamage(t *testing.T) {
	want := []entry{newEntry(spool.Range{From: 1, To: 5}), newEntry(spool.Range{From: 5, To: 9})}
	b := encodeJournal(want)
	got, err := decodeJournal(b)
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 1 << (i % 8)
		if _, err := decodeJournal(bad); !errors.Is(err, errJournal) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := decodeJournal(b[:i]); !errors.Is(err, errJournal) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestSeenIsBounded(t *testing.T) {
	now := time.Now()
	s := newSeen(time.Hour, 100, now)
	for i := range 1000 {
		if !s.add(s.id("s", fmt.Sprint(i)), now) {
			t.Fatal("a new id was known")
		}
		if s.size() > 100 {
			t.Fatalf("%d ids are remembered", s.size())
		}
	}
	if s.add(s.id("s", "999"), now) || s.add(s.id("s", "951"), now) || !s.add(s.id("t", "999"), now) {
		t.Fatal("the latest are not remembered by site and id")
	}
	s.forget(s.id("s", "999"))
	if !s.add(s.id("s", "999"), now) {
		t.Fatal("not forgotten")
	}
}
