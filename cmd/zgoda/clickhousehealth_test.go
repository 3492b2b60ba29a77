package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity"
	"zgoda/engine"
	"zgoda/engine/enginetest"
)

// gauges returns the gauges and the counts of histograms of collectors, by name and labels.
func gauges(t *testing.T, collectors ...prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

func probeOf(t *testing.T, address string, who engine.Credential, log *strings.Builder) *probe {
	t.Helper()
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password, c.MaxConnections = address, who.User, who.Password.Reveal(), 1
	store, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return newProbe(store, slog.New(slog.NewTextHandler(log, nil)))
}

// TestProbe: what ClickHouse told last is told, with how long ago it answered; what
// was never told is absent.
func TestProbe(t *testing.T) {
	access := enginetest.Start(t)
	var log strings.Builder
	p := probeOf(t, access.Address, access.Admin, &log)
	if got := gauges(t, p); len(got) != 2 || got["zgoda_clickhouse_away_seconds"] != 0 || got["zgoda_clickhouse_probe_seconds"] != 0 {
		t.Errorf("before it was asked: %v", got)
	}
	p.since.Store(time.Now().Add(-time.Minute).UnixNano())
	if away := gauges(t, p)["zgoda_clickhouse_away_seconds"]; away < 59 || away > 70 {
		t.Errorf("away for %v", away)
	}
	if !p.ask(t.Context()) {
		t.Fatal("it did not answer")
	}
	p.look(t.Context())
	got := gauges(t, p)
	if got["zgoda_clickhouse_away_seconds"] != 0 || got["zgoda_clickhouse_probe_seconds"] != 1 || got["zgoda_clickhouse_parts_limit"] < 100 {
		t.Errorf("%v", got)
	}
	if free, size := got["zgoda_clickhouse_disk_free_bytes"], got["zgoda_clickhouse_disk_size_bytes"]; free <= 0 || size < free {
		t.Errorf("%v free of %v", free, size)
	}
	for _, table := range activity.LoadTables() {
		if n, there := got["zgoda_clickhouse_parts "+table]; !there || n != 0 {
			t.Errorf("parts of %s: %v, %v", table, n, there)
		}
	}
	if skew, there := got["zgoda_clock_skew_seconds clickhouse"]; !there || skew < -.5 || skew > .5 {
		t.Errorf("a clock of this machine is off by %v, %v", skew, there)
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// TestProbeWithoutGrants: who may not read the server's own tables still learns
// whether it is there, and is told once what is missing.
func TestProbeWithoutGrants(t *testing.T) {
	access := enginetest.Start(t)
	var log strings.Builder
	p := probeOf(t, access.Address, access.Writer, &log)
	if !p.ask(t.Context()) {
		t.Fatal("it did not answer")
	}
	p.look(t.Context())
	p.look(t.Context())
	got := gauges(t, p)
	for _, name := range []string{"zgoda_clickhouse_parts events", "zgoda_clickhouse_disk_free_bytes", "zgoda_clickhouse_mutation_oldest_seconds"} {
		if n, there := got[name]; there {
			t.Errorf("%s is told to be %v", name, n)
		}
	}
	if n := strings.Count(log.String(), "cannot be told"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// TestProbeOfNobody: an answer that does not come ends nothing.
func TestProbeOfNobody(t *testing.T) {
	var log strings.Builder
	p := probeOf(t, "127.0.0.1:1", engine.Credential{User: "x"}, &log)
	before := time.Now().Add(-time.Minute).UnixNano()
	p.since.Store(before)
	if p.ask(t.Context()) || p.since.Load() != before {
		t.Error("nobody answered")
	}
}

// TestDisks: volumes are told of folders that are there.
func TestDisks(t *testing.T) {
	d := &disks{folders: map[string]string{"data": t.TempDir(), "spool": "/nowhere/at/all"}}
	d.measure()
	got := gauges(t, d)
	if len(got) != 2 || got["zgoda_disk_free_bytes data"] <= 0 || got["zgoda_disk_size_bytes data"] < got["zgoda_disk_free_bytes data"] {
		t.Errorf("%v", got)
	}
}
