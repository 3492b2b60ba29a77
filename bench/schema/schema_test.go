package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/engine/enginetest"
)

// small is a plan of a few rows in folders of the test.
func small(t *testing.T, names string, steps ...string) *plan {
	t.Helper()
	list, err := pick(names)
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{
		shape:    shape{Rows: 6_000, Visitors: 500, Days: 60, Batch: 3_000, End: 1_790_000_000},
		variants: list, dir: t.TempDir(), threads: 1, launcher: enginetest.Launcher(t), steps: map[string]bool{},
		results: filepath.Join(t.TempDir(), "result.md"),
	}
	for _, s := range steps {
		p.steps[s] = true
	}
	return p
}

// TestMeasures: all steps run, every row arrives in every variant, deletes and
// reads find some, and the report has a line for each.
func TestMeasures(t *testing.T) {
	p := small(t, "chosen,kept_for", "source", "fill", "pace", "read", "delete", "purge", "report")
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	known, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.variants {
		f := known[v.Name]
		if f.Fresh.Rows != p.shape.Rows || f.Merged.Rows != p.shape.Rows || f.Merged.Parts > f.Fresh.Parts || f.Merged.Bytes == 0 {
			t.Errorf("%s: fresh %+v merged %+v", v.Name, f.Fresh, f.Merged)
		}
		for _, q := range append(p.shape.reads(), deletes(p.shape)...) {
			if read := f.Reads[q.Name]; read.Read == "0" || read.Read == "" || read.First <= 0 {
				t.Errorf("%s, %s: %+v", v.Name, q.Name, read)
			}
		}
	}
	if text, err := os.ReadFile(p.results); err != nil || strings.Count(string(text), "| kept_for |") != 2 || !strings.Contains(string(text), "| properties |") {
		t.Errorf("%v\n%s", err, text)
	}
	if len(known[chosen].Pace) != 1 || known[chosen].Pace[0].Limit == 0 {
		t.Errorf("pace %+v", known[chosen].Pace)
	}
}

// TestRowsAreDeterministic: the same shape makes the same rows, in batches of any
// size, and every variant can still be made of the table of the migrations.
func TestRowsAreDeterministic(t *testing.T) {
	p := small(t, "")
	r, err := openRoom(t.Context(), p.dir, p.launcher, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	content := func(from, count uint64) (sum uint64) {
		t.Helper()
		if err := r.conn.QueryRow(t.Context(), "SELECT sum(cityHash64(*)) FROM ("+p.shape.Query(from, count)+")").Scan(&sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	whole := content(0, 3000)
	if parts := content(0, 1000) + content(1000, 2000); parts != whole {
		t.Errorf("in two batches %d, in one %d", parts, whole)
	}
	if other := content(1, 3000); other == whole {
		t.Error("other rows are the same rows")
	}
	for _, v := range p.variants {
		if err := r.makeTable(t.Context(), v); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}
