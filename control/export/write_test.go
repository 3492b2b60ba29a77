package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"zgoda/control/ledger"
	"zgoda/event"
)

func TestLinesAreJSON(t *testing.T) {
	for _, line := range linesOf(twelve(t).text(t)) {
		if len(line) > 0 && !json.Valid(line) {
			t.Errorf("%q is not JSON", line)
		}
	}
}

// TestEntriesReadBack: whatever the ledger can hold is written and read back.
func TestEntriesReadBack(t *testing.T) {
	texts := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		e := ledger.Stored{Entry: entry(rapid.IntRange(0, 3).Draw(t, "which"), "node-1")}
		e.Key = ""
		e.Number = ledger.Number(rapid.Uint64Min(1).Draw(t, "number"))
		e.Sequence = event.Sequence(rapid.Uint64Min(1).Draw(t, "sequence"))
		e.PurposeVersion = rapid.Uint32().Draw(t, "version")
		e.Actor, e.Reason, e.RawSignal = texts.Draw(t, "actor"), texts.Draw(t, "reason"), texts.Draw(t, "raw")
		e.ProofRef, e.GuardianRef = rapid.String().Draw(t, "proof"), rapid.String().Draw(t, "guardian")
		seal(&e)
		line, err := appendEntry(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		var back ledger.Stored
		if err := parseEntry(bytes.TrimSuffix(line, []byte("\n")), &back); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if back != e {
			t.Fatalf("%q reads back otherwise", line)
		}
		if !json.Valid(line) {
			t.Fatalf("%q is not JSON", line)
		}
	})
}

// failing is a source whose calls fail from one call on.
type failing struct {
	*book
	left int
}

var errAway = errors.New("away")

func (f *failing) call() error {
	if f.left--; f.left < 0 {
		return errAway
	}
	return nil
}

func (f *failing) Heads(ctx context.Context) ([]ledger.Head, error) {
	heads, _ := f.book.Heads(ctx)
	return heads, f.call()
}

func (f *failing) Entries(ctx context.Context, after event.Sequence) iter.Seq2[ledger.Stored, error] {
	return func(yield func(ledger.Stored, error) bool) {
		for e, err := range f.book.Entries(ctx, after) {
			if e.Sequence%5 == 0 {
				err = f.call()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (f *failing) Checkpoints(ctx context.Context, after event.Sequence, limit int) ([][]byte, error) {
	notes, _ := f.book.Checkpoints(ctx, after, limit)
	return notes, f.call()
}

// TestExportThatFailsIsNotWhole: an export that broke off has no end.
func TestExportThatFailsIsNotWhole(t *testing.T) {
	for left := range 4 {
		var out bytes.Buffer
		err := Write(t.Context(), &out, &failing{twelve(t), left}, began)
		if !errors.Is(err, errAway) {
			t.Fatalf("after %d calls: got %v", left, err)
		}
		if _, err := Verify(bytes.NewReader(out.Bytes()), Options{}); err == nil {
			t.Errorf("after %d calls: what was written verifies", left)
		}
	}
	if err := Write(t.Context(), io.Discard, &failing{twelve(t), 4}, began); err != nil {
		t.Errorf("when all is there: %v", err)
	}
	short := twelve(t)
	if err := Write(t.Context(), io.Discard, &headless{short}, began); !errors.Is(err, errShort) {
		t.Errorf("entries that the heads promise are not there: got %v", err)
	}
	if err := Write(t.Context(), &full{left: 5000}, twelve(t), began); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: got %v", err)
	}
	bad := twelve(t)
	bad.entries[3].Site = "\xff"
	if err := Write(t.Context(), io.Discard, bad, began); !errors.Is(err, errText) {
		t.Errorf("a name that is not UTF-8: got %v", err)
	}
}

// headless has no entries after the tenth.
type headless struct{ *book }

func (h *headless) Entries(ctx context.Context, after event.Sequence) iter.Seq2[ledger.Stored, error] {
	short := book{entries: h.entries[:10]}
	return short.Entries(ctx, after)
}

// full is a disk that takes so many bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// TestExportIsAsItBegan: what is written while an export runs is not in it.
func TestExportIsAsItBegan(t *testing.T) {
	b := twelve(t)
	heads, _ := b.Heads(t.Context())
	grown := &growing{book: b, heads: heads}
	b.add(entry(12, "node-1"))
	b.sign(t)
	var out bytes.Buffer
	if err := Write(t.Context(), &out, grown, began); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(bytes.NewReader(out.Bytes()), Options{Keys: b.keys}); err != nil || r.Entries != 12 || r.Checkpoints != 4 {
		t.Errorf("%d entries, %d checkpoints: %v", r.Entries, r.Checkpoints, err)
	}
}

type growing struct {
	*book
	heads []ledger.Head
}

func (g *growing) Heads(context.Context) ([]ledger.Head, error) { return slices.Clone(g.heads), nil }

// long is a ledger of many entries that are made as they are asked for.
type long struct {
	entries int
	heads   []ledger.Head
}

func (l *long) Heads(context.Context) ([]ledger.Head, error) { return l.heads, nil }

func (l *long) Checkpoints(context.Context, event.Sequence, int) ([][]byte, error) { return nil, nil }

func (l *long) Entries(context.Context, event.Sequence) iter.Seq2[ledger.Stored, error] {
	return func(yield func(ledger.Stored, error) bool) {
		var last [32]byte
		for i := range l.entries {
			e := ledger.Stored{Entry: entry(i, "node-1")}
			e.Key, e.Previous, e.Number, e.Sequence = "", last, ledger.Number(i+1), event.Sequence(i+1)
			seal(&e)
			if last = e.Hash; !yield(e, nil) {
				return
			}
		}
	}
}

// newLong makes a ledger; its head is found by going through it once.
func newLong(tb testing.TB, entries int) *long {
	tb.Helper()
	l := &long{entries: entries}
	for e, err := range l.Entries(tb.Context(), 0) {
		if err != nil {
			tb.Fatal(err)
		}
		l.heads = []ledger.Head{{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}}
	}
	return l
}

// watched measures the memory that is reachable while it is read.
type watched struct {
	io.Reader
	read, next int
	most       uint64
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if w.read += n; w.read >= w.next {
		w.next += 16 << 20
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
	return n, err
}

// TestBoundedMemory: an export of more than 100 MB is written and checked
// within a few.
func TestBoundedMemory(t *testing.T) {
	const entries = 90_000
	l := newLong(t, entries)
	r, w := io.Pipe()
	var run errgroup.Group
	run.Go(func() error { return w.CloseWithError(Write(t.Context(), w, l, began)) })
	in := &watched{Reader: r}
	report, err := Verify(in, Options{})
	if err != nil || report.Entries != entries {
		t.Errorf("%d entries: %v", report.Entries, err)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if in.read < 100<<20 || in.most > 16<<20 {
		t.Errorf("%d bytes were read within %d of memory", in.read, in.most)
	}
}

func TestLongLines(t *testing.T) {
	b := twelve(t)
	e := entry(12, "node-1")
	e.Reason, e.Actor = strings.Repeat("\x01", ledger.MaxText), strings.Repeat("\xff", ledger.MaxText)
	e.RawSignal, e.GuardianRef, e.ProofRef = strings.Repeat("\"", ledger.MaxText), strings.Repeat("\x02", ledger.MaxText), strings.Repeat("č", ledger.MaxText/2)
	b.add(e)
	text := b.text(t)
	if r, err := Verify(bytes.NewReader(text), Options{}); err != nil || r.Entries != 13 {
		t.Errorf("the longest entry: %v", err)
	}
	text = bytes.Replace(text, []byte(`{"end"`), append(bytes.Repeat([]byte("x"), maxLine+1), `{"end"`...), 1)
	_, err := Verify(bytes.NewReader(text), Options{})
	want{"", 0, 14, ledger.WhyDamaged}.check(t, "an endless line", err)
}

// BenchmarkVerify checks an export of 100,000 entries that lies in memory.
func BenchmarkVerify(b *testing.B) {
	const entries = 100_000
	var text bytes.Buffer
	if err := Write(b.Context(), &text, newLong(b, entries), began); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if r, err := Verify(bytes.NewReader(text.Bytes()), Options{}); err != nil || r.Entries != entries {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkWrite writes an export of 10,000 entries that lie in memory.
func BenchmarkWrite(b *testing.B) {
	book := &book{}
	for e, err := range newLong(b, 10_000).Entries(b.Context(), 0) {
		if err != nil {
			b.Fatal(err)
		}
		book.entries = append(book.entries, e)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(b.Context(), io.Discard, book, began); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "entries/s")
}
