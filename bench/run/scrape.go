package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metrics are the samples of one scrape, by name and labels as they are written.
type metrics map[string]float64

// The metrics that are read by name.
const (
	metricWaiting  = "zgoda_spool_waiting_records"
	metricSpool    = "zgoda_spool_bytes"
	metricSynced   = "zgoda_spool_synced_bytes_total"
	metricGroups   = "zgoda_spool_groups_total"
	metricRecords  = "zgoda_spool_records_total"
	metricReceived = "zgoda_events_received_total"
	metricStored   = "zgoda_events_stored_total"
	metricFlight   = "zgoda_events_in_flight"
	metricRoutines = "go_goroutines"
)

// sum adds what a name has over all its labels.
func (m metrics) sum(name string) (total float64) {
	for key, value := range m {
		if key == name || strings.HasPrefix(key, name+"{") {
			total += value
		}
	}
	return total
}

// balance returns both sides of the rule that every event has one fate.
func (m metrics) balance() (begun, fated float64) {
	for _, name := range []string{"stored_total", "duplicate_total", "quarantined_total", "in_flight", "dropped_total", "dropped_later_total", "refused_total"} {
		fated += m.sum("zgoda_events_" + name)
	}
	return m[metricReceived] + m["zgoda_events_recovered_total"], fated
}

func (g *gateway) scrape(ctx context.Context) (metrics, error) {
	content, err := get(ctx, "http://"+g.ops+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("scrape the metrics: %w", err)
	}
	found := metrics{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		if value, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			found[line[:at]] = value
		}
	}
	return found, nil
}

// get reads an address of a process that was started here.
func get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	//nolint:gosec // the address is a child's
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // the same
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", address, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

// watch scrapes every second, as a Prometheus would, until stop is called, which
// returns what was found.
func (g *gateway) watch(ctx context.Context) (stop func() ([]observation, error)) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var seen []observation
	var failed error
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			m, err := g.scrape(ctx)
			if ctx.Err() != nil {
				return
			}
			failed = errors.Join(failed, err)
			seen = append(seen, observation{time.Now(), m})
		}
	})
	return func() ([]observation, error) {
		cancel()
		wg.Wait()
		return seen, failed
	}
}

type observation struct {
	at      time.Time
	metrics metrics
}

const (
	drainWithin = 10 * time.Minute
	drainLook   = 100 * time.Millisecond
)

// drained waits until every accepted event is in ClickHouse and returns how long
// that took, with the last scrape.
func (g *gateway) drained(ctx context.Context) (time.Duration, metrics, error) {
	begin := time.Now()
	for {
		m, err := g.scrape(ctx)
		switch {
		case err != nil:
			return 0, nil, err
		case m[metricFlight] == 0 && m[metricWaiting] == 0:
			return time.Since(begin), m, nil
		case time.Since(begin) > drainWithin:
			return 0, m, fmt.Errorf("after %v %.0f events still wait in the spool", drainWithin, m[metricWaiting])
		}
		select {
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		case <-g.ended:
			return 0, nil, errors.New("the gateway has ended")
		case <-time.After(drainLook):
		}
	}
}
