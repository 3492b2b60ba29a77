package writer

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/spool"
)

// trouble is a store's error that says of itself what it is.
type trouble struct {
	class           string
	unsent, tooMuch bool
}

func (e trouble) Error() string { return "trouble" }
func (e trouble) Class() string { return e.class }
func (e trouble) Unsent() bool  { return e.unsent }
func (e trouble) TooMuch() bool { return e.tooMuch }

// limited is a store that takes no more than most rows at once, or none.
type limited struct {
	*store
	most  func() int
	error trouble
}

func (l limited) Insert(ctx context.Context, token string, rows [][]byte) error {
	if len(rows) > l.most() {
		return l.error
	}
	return l.store.Insert(ctx, token, rows)
}

// TestStoreShortOfMemory: a range that is too much is split, later ones are
// smaller, and everything is stored once.
func TestStoreShortOfMemory(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	cfg := testConfig(dir)
	cfg.BatchRows = 5000
	over := smallSpool(dir)
	over.MaxBytes, over.GroupBytes, over.SegmentBytes = 64<<20, 1<<20, 1<<20
	p := beginOver(t, over, st, cfg, quiet)
	p.writer.in = limited{st, func() int { return 1500 }, trouble{"memory", false, true}}
	const n = 12_000
	p.put(n)
	p.run()
	if p.drain() {
		t.Fatal("died")
	}
	if p.metric("splits_total") == 0 || p.metric("range_limit_rows") >= 5000 {
		t.Fatalf("%v splits, limit %v", p.metric("splits_total"), p.metric("range_limit_rows"))
	}
	p.end()
	if p.fates.stored != n || len(st.rows) != n {
		t.Fatalf("fates %+v", &p.fates)
	}
}

// put makes many records durable at once.
func (p *process) put(n int) {
	for i := range n {
		ticket, err := p.spool.Put(encoded(fmt.Sprint("put", i), ""))
		if err == nil && (i%1000 == 999 || i == n-1) {
			err = p.spool.Wait(p.ctx, ticket)
		}
		if err != nil {
			p.t.Fatalf("put: %v", err)
		}
	}
	p.accepted += n
}

// TestStoreRefuses: while the store is read-only or has too many parts the writer
// says which, asks nothing back, since nothing was sent, and goes on by itself.
func TestStoreRefuses(t *testing.T) {
	for _, class := range []string{"read_only", "parts", "login"} {
		t.Run(class, func(t *testing.T) {
			dir, st, said := t.TempDir(), newStore(nil), &lines{}
			p := begin(t, dir, st, testConfig(dir), slog.New(slog.NewTextHandler(said, nil)))
			most := 0
			p.writer.in = limited{st, func() int { st.mu.Lock(); defer st.mu.Unlock(); return most }, trouble{class, true, false}}
			p.run()
			for i := range 30 {
				p.accept(encoded(fmt.Sprint(i), ""))
			}
			eventually(t, "every connection waits", func() bool { return p.metric("stalled") == float64(p.writer.cfg.Connections) })
			if p.label("stalled") != class || said.count("why="+class) == 0 || p.metric("readbacks_total") != 0 {
				t.Fatalf("stalled %s, %v read back", p.label("stalled"), p.metric("readbacks_total"))
			}
			st.mu.Lock()
			most = 1000
			st.mu.Unlock()
			if p.drain() {
				t.Fatal("died")
			}
			if p.metric("stalled") != 0 || said.count("the writer goes on") == 0 {
				t.Fatalf("still stalled: %v", p.metric("stalled"))
			}
			p.end()
			if p.fates.stored != 30 || len(st.rows) != 30 {
				t.Fatalf("fates %+v", &p.fates)
			}
		})
	}
}

// label returns the label of which one of the writer's numbers is not zero.
func (p *process) label(name string) string {
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatalf("gather: %v", err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "zgoda_writer_"+name && m.GetGauge().GetValue() != 0 {
				return m.GetLabel()[0].GetValue()
			}
		}
	}
	return ""
}

// TestUnreadable: a range that may have been sent before message ids were forgotten
// is neither sent again nor lost: it is in the quarantine and says so.
func TestUnreadable(t *testing.T) {
	dir, st := t.TempDir(), newStore([]fault{faultCrashed})
	p := begin(t, dir, st, testConfig(dir), quiet)
	p.accept(encoded("a", ""), encoded("b", ""))
	p.run()
	<-p.ctx.Done()
	p.end()
	path := filepath.Join(dir, "journal")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := decodeJournal(b)
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for i := range entries {
		entries[i].at -= int64(7 * 24 * time.Hour / time.Second)
	}
	if err := writeFile(path, encodeJournal(entries)); err != nil {
		t.Fatal(err)
	}
	stored := len(st.stored())
	p = begin(t, dir, st, testConfig(dir), quiet)
	p.run()
	if p.drain() || p.metric("unreadable_total") == 0 {
		t.Fatal("it was not set aside")
	}
	p.end()
	sum := 0
	for _, n := range st.stored() {
		sum += n
	}
	if p.fates.quarantine == 0 || sum != len(st.stored()) || len(keptIn(t, dir))+len(st.stored())-stored != p.fates.sum() {
		t.Fatalf("fates %+v, %d rows of %d", &p.fates, sum, len(st.stored()))
	}
}

// TestUnsentStaysFresh: a range of which nothing was ever sent gets a new time, so
// that a store that is away for weeks makes nothing unreadable.
func TestUnsentStaysFresh(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	b := &batch{}
	b.decode(spool.Batch{Records: [][]byte{encoded("a", "")}}, p.writer.claims.seen)
	b.entry = newEntry(spool.Range{From: 1, To: 2}, time.Now().Add(-24*time.Hour).Unix())
	if err := p.writer.journal.replace(nil, b.entry); err != nil {
		t.Fatal(err)
	}
	sent := *b
	sent.unknown = true
	if err := p.writer.refresh(t.Context(), &sent); err != nil || sent.entry != b.entry {
		t.Fatalf("a range that may have been sent got another time: %v", err)
	}
	if err := p.writer.refresh(t.Context(), b); err != nil || time.Since(time.Unix(b.entry.at, 0)) > time.Minute {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := decodeJournal(raw); err != nil || len(entries) != 1 || entries[0] != b.entry {
		t.Fatal(entries, err)
	}
	p.end()
}

// TestJournalOfVersionOne: its entries have no time.
func TestJournalOfVersionOne(t *testing.T) {
	e := newEntry(spool.Range{From: 1, To: 5}, 7)
	b := encodeJournal([]entry{e})
	old := append([]byte(nil), b[:16+firstSize]...)
	old[11] = firstVersion
	got, err := decodeJournal(sum(old))
	if err != nil || len(got) != 1 || got[0].Range != e.Range || got[0].token != e.token || got[0].at != 0 {
		t.Fatal(got, err)
	}
	path := filepath.Join(t.TempDir(), "journal")
	if err := writeFile(path, sum(old)); err != nil {
		t.Fatal(err)
	}
	j := journal{path: path}
	if err := j.load(); err != nil || time.Since(time.Unix(j.entries[0].at, 0)) > time.Minute {
		t.Fatal(err)
	}
}
