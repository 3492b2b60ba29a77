package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"zgoda/activity"
	"zgoda/bench/load"
)

// erasure measures the erasure of -contacts among -rows of a year, and the export of
// one contact, while events come in at a quarter of what the gateway takes at most.
// What is measured on is made once, in -scratch; a run takes contacts away, so that it
// is to be given a copy of that folder.
func erasure(ctx context.Context, o options) (err error) {
	if o.scratch == "" {
		return errors.New("erase: give a folder to -scratch, which is kept")
	}
	dir := filepath.Join(o.scratch, fmt.Sprintf("erase-%d-%d", o.rows, o.contacts))
	if _, err := os.Stat(filepath.Join(dir, "prepared")); err != nil {
		if err := prepareErasure(ctx, o, dir); err != nil {
			return err
		}
	}
	if o.only == "prepare" {
		return nil
	}
	out := &report{}
	o.title(out, "Erasure of many contacts under load")
	dsn, stop, err := startEngine(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	g, err := startGateway(o.bin, filepath.Join(dir, "zgoda"), "--clickhouse", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	e := &eraser{options: o, out: out, dir: dir, stage: &stage{zgoda: gatewayTarget(g)}, gateway: g}
	if e.cookies, err = g.cookies(ctx); err != nil {
		return err
	}
	if e.store, err = openActivity(ctx, dsn); err != nil {
		return err
	}
	defer e.store.Close() //nolint:errcheck // it was read from only
	if err := e.run(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, g.log)
	}
	return out.write(o)
}

// eraser is one measurement of erasures.
type eraser struct {
	*stage

	options
	out     *report
	dir     string
	gateway *gateway
	store   *activity.Store
	console *console

	began    metrics
	accepted time.Duration // until the file was read and answered
	gone     time.Duration // until all certificates were there
	disk     [3]int64      // before, at most, after
	probes   [2]load.Histogram
	batch    metrics // when the file was done
}

const (
	eraseAfter = 20 * time.Second // of the load
	eraseWait  = 15 * time.Minute
)

func (e *eraser) run(ctx context.Context) error {
	var err error
	if e.console, err = openConsole(e.gateway.data); err != nil {
		return err
	}
	held, err := e.gateway.sql(ctx, "SELECT count(), uniq(subject), formatReadableSize((SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase())) FROM events")
	if err != nil {
		return err
	}
	probes, err := e.probed()
	if err != nil {
		return err
	}
	share, err := e.ask(ctx, "SELECT count() FROM events WHERE hex(subject) IN ('"+strings.ToUpper(strings.Join(probes, "', '"))+"')")
	if err != nil {
		return err
	}
	e.out.add("\n%s rows of %s pseudonyms, %s; %d of the contacts have %s of the rows.\n", held[0][0], held[0][1], held[0][2], len(probes), share)
	if e.only == "export" {
		return e.exports(ctx)
	}
	peak, err := e.most(ctx, e.options, 1, 256)
	if err != nil {
		return err
	}
	rate := peak / 4
	e.out.add("\n## %s contacts in one file; single events at a quarter of the peak, %s/s, random arrivals, for %v\n", thousands(float64(e.contacts)), thousands(rate), e.lasts)
	quiet, err := e.zgoda.measure(ctx, e.open(e.options, 1, 256, e.stage.run(), rate, eraseAfter))
	if err != nil {
		return err
	}
	e.disk[0] = sizeOf(ctx, filepath.Join(e.dir, "clickhouse"))
	var erasing sync.WaitGroup
	var failed error
	m, err := e.zgoda.whileSending(ctx, e.open(e.options, 1, 256, e.stage.run(), rate, e.lasts), func() {
		erasing.Go(func() { failed = e.eraseAll(ctx) })
	})
	erasing.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	e.disk[2] = sizeOf(ctx, filepath.Join(e.dir, "clickhouse"))
	e.report(quiet, m)
	if err := e.exports(ctx); err != nil {
		return err
	}
	return e.check(m)
}

// eraseAll hands the file over, waits until all are certified, and then erases some
// contacts one by one.
func (e *eraser) eraseAll(ctx context.Context) error {
	if err := sleep(ctx, eraseAfter); err != nil {
		return err
	}
	within, stop := context.WithTimeout(ctx, eraseWait)
	defer stop()
	var watching sync.WaitGroup
	watched, done := context.WithCancel(within)
	watching.Go(func() { e.watchDisk(watched) })
	defer func() { done(); watching.Wait() }()
	var err error
	if e.began, err = e.gateway.scrape(within); err != nil {
		return err
	}
	file := filepath.Join(e.dir, "forget.txt")
	var lines strings.Builder
	for n := range e.contacts {
		fmt.Fprintf(&lines, "customer_id:prepared-%d\n", n)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		return fmt.Errorf("write the file of contacts: %w", err)
	}
	begin := time.Now()
	if err := e.gateway.command(within, "forget", "--site", "bench", "--file", file, "--reason", "a measurement"); err != nil {
		return err
	}
	e.accepted = time.Since(begin)
	fmt.Printf("accepted after %v\n", e.accepted)
	for {
		if e.batch, err = e.gateway.scrape(within); err != nil {
			return err
		}
		if e.batch["zgoda_erasures_total"]-e.began["zgoda_erasures_total"] >= float64(e.contacts) {
			break
		}
		if err := sleep(within, 200*time.Millisecond); err != nil {
			return fmt.Errorf("wait until %d erasures are certified, %.0f are: %w", e.contacts, e.batch["zgoda_erasures_total"], err)
		}
	}
	e.gone = time.Since(begin)
	fmt.Printf("certified after %v\n", e.gone)
	return e.probe(within)
}

// probed are the pseudonyms of the contacts that are erased one by one, as text.
func (e *eraser) probed() ([]string, error) {
	content, err := os.ReadFile(filepath.Join(e.dir, probesFile))
	if err != nil {
		return nil, fmt.Errorf("read whom to erase one by one: %w", err)
	}
	return strings.Fields(string(content)), nil
}

// probe erases contacts one by one: how long until the request is accepted, and how
// long until a query that begins then finds no row of theirs any more.
func (e *eraser) probe(ctx context.Context) error {
	probes, err := e.probed()
	if err != nil {
		return err
	}
	for n, subject := range probes {
		query := "SELECT count() FROM visible_events WHERE subject = toFixedString(unhex('" + subject + "'), 16)"
		shown, err := e.ask(ctx, query)
		if err != nil {
			return err
		}
		if shown == "0" {
			continue // the few that have no rows say nothing
		}
		begin := time.Now()
		if err := e.console.forget(ctx, fmt.Sprintf("customer_id:prepared-%d", e.contacts+n)); err != nil {
			return err
		}
		e.probes[0].Record(time.Since(begin))
		for shown != "0" {
			if shown, err = e.ask(ctx, query); err != nil {
				return err
			}
		}
		e.probes[1].Record(time.Since(begin))
	}
	if e.probes[1].Count() == 0 {
		return errors.New("none of those to be erased one by one was ever shown")
	}
	return nil
}

func (e *eraser) ask(ctx context.Context, query string) (string, error) {
	var answer strings.Builder
	err := e.store.Query(ctx, query, &answer, activity.TSV)
	return strings.TrimSpace(answer.String()), err
}

// watchDisk keeps the most that the engine's folder took.
func (e *eraser) watchDisk(ctx context.Context) {
	for sleep(ctx, time.Second) == nil {
		e.disk[1] = max(e.disk[1], sizeOf(ctx, filepath.Join(e.dir, "clickhouse")))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sizeOf is what a folder takes, each file once however often it is linked; files that
// go meanwhile are left out.
func sizeOf(ctx context.Context, dir string) int64 {
	out, _ := exec.CommandContext(ctx, "du", "-sk", dir).Output() // its complaints are of files that are gone
	size, _, _ := strings.Cut(string(out), "\t")
	kib, _ := strconv.ParseInt(size, 10, 64)
	return kib << 10
}
