package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"zgoda/bench/procfs"
)

// report adds the tables of what was measured while the file was erased.
func (e *eraser) report(quiet, m measured) {
	out := e.out
	out.head("", "events accepted", "refused", "connections broken", "p50", "p99", "max")
	for _, r := range []struct {
		name string
		m    measured
	}{{"no erasure", quiet}, {"erasure", m}} {
		l := r.m.Result.Latency
		out.row(r.name, thousands(float64(r.m.Result.Events)), thousands(float64(r.m.Result.RefusedTotal()+r.m.Result.Unanswered)), strconv.Itoa(r.m.Result.Broken), millis(l.P50), millis(l.P99), millis(l.Max))
	}
	spool := 0.0
	for _, o := range m.seen {
		spool = max(spool, o.metrics[metricSpool])
	}
	since := func(name string) float64 { return e.batch[name] - e.began[name] }
	out.head("contacts", "accepted after", "requests/s", "physically gone, verified and certified after", "rows taken away", "batches", "failures")
	out.row(thousands(since("zgoda_erasures_total")), fmt.Sprintf("%.1f s", e.accepted.Seconds()), thousands(float64(e.contacts)/e.accepted.Seconds()), fmt.Sprintf("%.1f s", e.gone.Seconds()),
		thousands(since("zgoda_erasure_rows_total")), thousands(since("zgoda_erasure_batches_total")), thousands(e.batch.sum("zgoda_erasure_failures_total")-e.began.sum("zgoda_erasure_failures_total")))
	out.head("step", "times", "seconds together")
	for _, step := range e.steps() {
		out.row(step, thousands(since(`zgoda_erasure_step_seconds_count{step="`+step+`"}`)), fmt.Sprintf("%.1f", since(`zgoda_erasure_step_seconds_sum{step="`+step+`"}`)))
	}
	out.head("the engine's folder", "before", "at most meanwhile", "after", "more at most", "spool, most", "engine's memory, most")
	out.row("", mebi(e.disk[0]), mebi(e.disk[1]), mebi(e.disk[2]), fmt.Sprintf("%.0f %%", 100*float64(e.disk[1]-e.disk[0])/float64(max(e.disk[0], 1))), mebi(int64(spool)), mebi(e.engineMemory()))
	out.head(fmt.Sprintf("%d contacts, one by one, under the load", e.probes[1].Count()), "median", "p99", "most")
	for i, name := range []string{"request accepted", "request sent to nothing shown any more"} {
		l := e.probes[i].Latency()
		out.row(name, millis(l.P50), millis(l.P99), millis(l.Max))
	}
}

// steps are those that a time was measured of.
func (e *eraser) steps() (names []string) {
	for name := range e.batch {
		if rest, ok := strings.CutPrefix(name, `zgoda_erasure_step_seconds_count{step="`); ok {
			names = append(names, strings.TrimSuffix(rest, `"}`))
		}
	}
	slices.Sort(names)
	return names
}

const exportTimes = 20

// exports measures the export of the contact that has many rows, by the command.
func (e *eraser) exports(ctx context.Context) error {
	var took []time.Duration
	size := int64(0)
	file := filepath.Join(e.dir, "export.json")
	for range exportTimes {
		begin := time.Now()
		if err := e.gateway.command(ctx, "export", "--site", "bench", "--identifier", fmt.Sprintf("customer_id:prepared-%d", e.contacts+eraseProbes), "--format", "json", "--out", file, "--reason", "a measurement"); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("look at the export: %w", err)
		}
		size = info.Size()
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("remove the export: %w", err)
		}
	}
	slices.Sort(took)
	e.out.head(fmt.Sprintf("export of %s rows, the command with its start, %d times", thousands(busyRows), exportTimes), "median", "most", "bytes")
	e.out.row("JSON", millis(took[len(took)/2]), millis(took[len(took)-1]), thousands(float64(size)))
	return nil
}

// check fails a measurement in which somebody was refused, or something was lost or
// not done.
func (e *eraser) check(m measured) error {
	var errs []error
	if n := m.Result.RefusedTotal() + m.Result.Unanswered + m.Result.Broken; n > 0 {
		errs = append(errs, fmt.Errorf("%d requests were refused or not answered", n))
	}
	if begun, fated := m.last.balance(); begun != fated {
		errs = append(errs, fmt.Errorf("fates do not balance: %.0f received, %.0f accounted for", begun, fated))
	}
	return errors.Join(errs...)
}

// engineMemory is the most that the engine's process ever had.
func (e *eraser) engineMemory() int64 {
	return procfs.StatusOf(procfs.Child(os.Getpid(), "zgoda-clickhouse")).ResidentPeak
}

// console is the running system's API.
type console struct {
	URL   string `json:"url"`
	Token string `json:"token"`

	client http.Client
}

func openConsole(data string) (*console, error) {
	content, err := os.ReadFile(filepath.Join(data, "run", "console.json"))
	if err != nil {
		return nil, fmt.Errorf("read the console's access: %w", err)
	}
	c := &console{client: http.Client{Timeout: time.Minute}}
	return c, json.Unmarshal(content, c)
}

// forget asks for the erasure of one contact.
func (c *console) forget(ctx context.Context, identifier string) error {
	body, err := json.Marshal(map[string]string{"identifier": identifier, "reason": "a measurement"})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/api/v1/sites/bench/contacts:forget", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for an erasure: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("ask for an erasure: status %d: %s", resp.StatusCode, answer)
	}
	return err
}
