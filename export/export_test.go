package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"zgoda/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	at   = time.Date(2026, 11, 22, 10, 0, 0, 120_000_000, time.UTC)
	head = export.Head{
		Site: "shop", Request: "r_00000000000000000000000001", Made: at,
		Subject: export.Subject{Contact: "c_00000000000000000000000001", Visitors: 1},
	}
)

// items is a source of a list.
type items []export.Item

func (s items) Each(_ context.Context, yield func(export.Item) error) error {
	for _, i := range s {
		if err := yield(i); err != nil {
			return err
		}
	}
	return nil
}

// row fills a section's columns by name.
func row(s export.Section, values map[string]any) export.Item {
	i := export.Item{Section: s, Values: make([]any, len(s.Columns()))}
	for n, c := range s.Columns() {
		i.Values[n] = values[c]
	}
	return i
}

func file(content string) func(context.Context, io.Writer) error {
	return func(_ context.Context, to io.Writer) error {
		_, err := io.WriteString(to, content)
		return err
	}
}

func sample() items {
	document := row(export.Documents, map[string]any{"document": "0a", "name": "contract.pdf", "type": "application/pdf", "bytes": int64(3), "file": "files/0a.pdf"})
	document.File = file("\x00\x01\xff")
	return items{
		row(export.Controller, map[string]any{"name": "Shop <& Sons>", "establishment": "SK"}),
		row(export.Identifiers, map[string]any{"kind": "email", "value": "jana@example.org", "source": "form", "seen": at}),
		row(export.Identifiers, map[string]any{"kind": "phone", "value": "+421900000000", "source": "api", "basis": "contract", "seen": at}),
		row(export.Traits, map[string]any{"name": "note", "value": "=cmd|' /C calc'!A1", "source": "import"}),
		row(export.Traits, map[string]any{"name": "quote", "value": "'tis \"so\",\nor", "source": "import"}),
		row(export.Traits, map[string]any{"name": "unreadable", "value": "a\x01b\xffc", "source": "import"}),
		row(export.Purposes, map[string]any{"purpose": "late"}),
		document,
		row(export.Activity, map[string]any{"at": at, "type": "track", "name": "Bought", "policy_version": int64(3), "properties": json.RawMessage(`{ "price": 9.5 }`)}),
	}
}

// ordered is the sample without what stands out of order.
func ordered() items {
	all := sample()
	return append(append(items{}, all[:6]...), all[7:]...)
}

func write(t *testing.T, f export.Format, from export.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := export.New(f, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := export.Write(t.Context(), w, head, from); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// golden compares with a file that is kept.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is kept (go test -update writes it anew):\n%s", name, got)
	}
}

// parts are the files of a zip as one text.
func parts(t *testing.T, raw []byte) (all []byte, by map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	by = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		by[f.Name] = content
		all = fmt.Appendf(all, "--- %s\n%s\n", f.Name, content)
	}
	return all, by
}

func TestJSON(t *testing.T) {
	raw := write(t, export.JSON, ordered())
	golden(t, "export.json", raw)
	var whole struct {
		Identifiers []struct{ Value string }
		Documents   []struct{ Content []byte }
		Activity    []struct{ Properties map[string]float64 }
		End         struct {
			Counts map[string]int
			SHA256 string
		}
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	if len(whole.Identifiers) != 2 || string(whole.Documents[0].Content) != "\x00\x01\xff" || whole.Activity[0].Properties["price"] != 9.5 {
		t.Errorf("read back: %+v", whole)
	}
	if whole.End.Counts["traits"] != 3 || whole.End.Counts["segments"] != 0 || len(whole.End.Counts) != len(export.Sections) {
		t.Errorf("counts: %v", whole.End.Counts)
	}
	last := bytes.LastIndex(raw, []byte("\n\"end\":")) + 1
	sum := sha256.Sum256(raw[:last])
	if whole.End.SHA256 != hex.EncodeToString(sum[:]) {
		t.Error("the sum is not that of the lines before the last")
	}
}

func TestCSV(t *testing.T) {
	raw := write(t, export.CSV, ordered())
	all, by := parts(t, raw)
	golden(t, "export.csv.txt", all)
	traits, err := csv.NewReader(bytes.NewReader(by["traits.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"'=cmd|' /C calc'!A1", "''tis \"so\",\nor"} {
		if got := traits[n+1][1]; got != want {
			t.Errorf("trait %d is %q, want %q", n, got, want)
		}
	}
	if string(by["files/0a.pdf"]) != "\x00\x01\xff" {
		t.Error("the document is not in the zip")
	}
	ends, err := csv.NewReader(bytes.NewReader(by["end.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range ends[1:] {
		sum := sha256.Sum256(by[end[0]])
		if end[2] != hex.EncodeToString(sum[:]) {
			t.Errorf("the sum of %s is another", end[0])
		}
	}
	if len(ends) != len(by) { // all but itself, and a header
		t.Errorf("end.csv has %d lines for %d files", len(ends), len(by))
	}
}

// TestNoFormula: whatever a person wrote, no cell begins as a formula does, and the
// value can be read back.
func TestNoFormula(t *testing.T) {
	values := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "＝1", "1", "", "a=1", " =1"}
	var list items
	for _, v := range values {
		list = append(list, row(export.Traits, map[string]any{"name": "n", "value": v}))
	}
	_, by := parts(t, write(t, export.CSV, list))
	read, err := csv.NewReader(bytes.NewReader(by["traits.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range values {
		got := read[n+1][1]
		if strings.ContainsAny(got[:min(len(got), 1)], "=+-@\t\r") || strings.HasPrefix(got, "＝") {
			t.Errorf("%q is read as a formula", got)
		}
		if got, _ := strings.CutPrefix(got, "'"); got != want {
			t.Errorf("%q is read back as %q", want, got)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, f := range []export.Format{export.JSON, export.CSV, export.XLSX} {
		w, err := export.New(f, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := export.Write(t.Context(), w, head, sample()); !errors.Is(err, export.ErrItem) {
			t.Errorf("%s takes items out of order: %v", f, err)
		}
	}
	if _, err := export.New("pdf", io.Discard); !errors.Is(err, export.ErrFormat) {
		t.Error(err)
	}
}

// TestFailingDocument: an export whose document cannot be read to its end is not
// ended.
func TestFailingDocument(t *testing.T) {
	broken := errors.New("broken")
	document := row(export.Documents, map[string]any{"document": "0a", "file": "files/0a"})
	document.File = func(_ context.Context, to io.Writer) error {
		_, _ = io.WriteString(to, "half")
		return broken
	}
	for _, f := range []export.Format{export.JSON, export.CSV} {
		var b bytes.Buffer
		w, err := export.New(f, &b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := export.Write(t.Context(), w, head, items{document}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
		if bytes.Contains(b.Bytes(), []byte(`"end"`)) || bytes.Contains(b.Bytes(), []byte("end.csv")) {
			t.Errorf("%s looks whole", f)
		}
	}
}

// many makes rows as they are asked for.
type many int

func (n many) Each(_ context.Context, yield func(export.Item) error) error {
	i := row(export.Activity, map[string]any{"at": at, "name": strings.Repeat("x", 40), "properties": json.RawMessage(`{"a":"` + strings.Repeat("y", 400) + `"}`)})
	for range n {
		if err := yield(i); err != nil {
			return err
		}
	}
	return nil
}

// peak keeps the largest heap that it has seen, looked at now and then.
type peak struct {
	most   uint64
	writes int
}

func (p *peak) Write(b []byte) (int, error) {
	if p.writes++; p.writes%50 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.most = max(p.most, m.HeapAlloc)
	}
	return len(b), nil
}

// TestStreamed: 100,000 rows (about 100 MB as JSON) need no more of the heap than
// a few.
func TestStreamed(t *testing.T) {
	for _, f := range []export.Format{export.JSON, export.CSV, export.XLSX} {
		var p peak
		w, err := export.New(f, &p)
		if err != nil {
			t.Fatal(err)
		}
		n, err := export.Write(t.Context(), w, head, many(streamedRows))
		if err != nil || n != streamedRows {
			t.Fatal(n, err)
		}
		if p.most > 64<<20 {
			t.Errorf("%s needs %d MiB", f, p.most>>20)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, f := range []export.Format{export.JSON, export.CSV, export.XLSX} {
		b.Run(string(f)+"/rows=10000", func(b *testing.B) {
			for b.Loop() {
				w, _ := export.New(f, io.Discard)
				if _, err := export.Write(b.Context(), w, head, many(10_000)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
