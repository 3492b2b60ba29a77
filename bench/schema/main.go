// Command schema measures the table of events as the migrations make it beside
// variants of it, in the real embedded engine: bytes an event, processor time of
// inserts and merges, and the reads that the product asks of it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// plan is what the flags ask for.
type plan struct {
	shape    shape
	variants []variant
	dir      string
	steps    map[string]bool
	threads  int
	launcher string
	results  string
}

func main() {
	p, err := flags()
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = p.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func flags() (*plan, error) {
	p := &plan{steps: map[string]bool{}}
	rows := flag.Uint64("rows", 10_000_000, "events in each table")
	visitors := flag.Uint64("visitors", 1_000_000, "visitors to draw from, by Zipf's law")
	days := flag.Int("days", 60, "days over which the events are spread")
	batch := flag.Uint64("batch", 100_000, "events of one insert")
	names := flag.String("variants", "", "variants to measure, with commas; empty: all")
	steps := flag.String("steps", "source,fill,pace,read,delete,purge,report", "what is done; the others' outcome is taken from an earlier run in -dir; load instead of source,fill: straight from the generator, merges running")
	flag.IntVar(&p.threads, "threads", 1, "threads of the engine for one query")
	flag.StringVar(&p.dir, "dir", "", "folder to work in, which is kept; empty: a temporary one")
	flag.StringVar(&p.launcher, "launcher", filepath.Join("bin", "zgoda-clickhouse"), "path of zgoda-clickhouse")
	flag.StringVar(&p.results, "out", filepath.Join("bench", "results", time.Now().UTC().Format("2006-01-02")+"-schema.md"), "file for the result; empty: none")
	flag.Parse()
	for step := range strings.SplitSeq(*steps, ",") {
		p.steps[step] = true
	}
	p.shape = shape{Rows: *rows, Visitors: *visitors, Days: *days, Batch: *batch, End: time.Now().UTC().Truncate(24 * time.Hour).Unix()}
	var err error
	p.variants, err = pick(*names)
	return p, err
}

// run does the steps in order, in one engine.
func (p *plan) run(ctx context.Context) (err error) {
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "zgoda-schema-"); err != nil {
			return err
		}
		defer os.RemoveAll(p.dir) //nolint:errcheck // a temporary folder
	}
	known, err := p.load()
	if err != nil {
		return err
	}
	r, err := openRoom(ctx, p.dir, p.launcher, p.threads)
	if err != nil {
		return err
	}
	defer func() {
		if closed := r.Close(); err == nil {
			err = closed
		}
	}()
	if p.steps["source"] {
		if err := r.makeSource(ctx, p.shape); err != nil {
			return err
		}
	}
	for _, v := range p.variants {
		if err := p.measure(ctx, r, v, known); err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	if p.steps["report"] {
		return p.report(known)
	}
	return nil
}

// measure does the steps of one variant and remembers the outcome in the folder.
func (p *plan) measure(ctx context.Context, r *room, v variant, known map[string]figures) (err error) {
	f := known[v.Name]
	if p.steps["fill"] {
		if f, err = r.fill(ctx, p.shape, v); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s: %.1f bytes an event fresh, %.1f merged\n", v.Name, f.Fresh.perRow(f.Fresh.Bytes), f.Merged.perRow(f.Merged.Bytes))
	}
	if p.steps["load"] {
		if f, err = r.load(ctx, p.shape, v); err != nil {
			return err
		}
	}
	if p.steps["read"] {
		if f.Reads, err = r.measureReads(ctx, p.shape, v); err != nil {
			return err
		}
	}
	if f.Reads == nil {
		f.Reads = map[string]timing{}
	}
	if p.steps["delete"] {
		if err := r.makeErased(ctx, p.shape); err != nil {
			return err
		}
		if err := r.measureDeletes(ctx, deletes(p.shape), v, f.Reads); err != nil {
			return err
		}
	}
	if p.steps["purge"] {
		if err := r.measureDeletes(ctx, purges(p.shape), v, f.Reads); err != nil {
			return err
		}
	}
	if v.Name == chosen && p.steps["pace"] {
		if f.Pace, err = r.paces(ctx, p.shape); err != nil {
			return err
		}
	}
	known[v.Name] = f
	return p.save(known)
}

func (p *plan) file() string { return filepath.Join(p.dir, "figures.json") }

func (p *plan) load() (map[string]figures, error) {
	known := map[string]figures{}
	text, err := os.ReadFile(p.file())
	if os.IsNotExist(err) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	return known, json.Unmarshal(text, &known)
}

func (p *plan) save(known map[string]figures) error {
	text, err := json.MarshalIndent(known, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.file(), text, 0o600)
}
