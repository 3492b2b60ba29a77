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

func probesFor(log *strings.Builder) *probes {
	return newProbes(slog.New(slog.NewTextHandler(log, nil)), newClocks())
}

// probeOf adds the probe of a server.
func probeOf(t *testing.T, ps *probes, server, address string, who engine.Credential) *probe {
	t.Helper()
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password, c.MaxConnections = address, who.User, who.Password.Reveal(), 1
	store, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return ps.add(server, store)
}

// TestProbe: what ClickHouse told last is told, with how long ago it answered; what
// was never told is absent.
func TestProbe(t *testing.T) {
	access := enginetest.Start(t)
	var log strings.Builder
	ps := probesFor(&log)
	p := probeOf(t, ps, firstServer, access.Address, access.Admin)
	if got := gauges(t, ps); len(got) != 2 || got["zgoda_clickhouse_away_seconds first"] != 0 || got["zgoda_clickhouse_probe_seconds first"] != 0 {
		t.Errorf("before it was asked: %v", got)
	}
	p.since.Store(time.Now().Add(-time.Minute).UnixNano())
	if away := gauges(t, ps)["zgoda_clickhouse_away_seconds first"]; away < 59 || away > 70 {
		t.Errorf("away for %v", away)
	}
	if !p.ask(t.Context()) {
		t.Fatal("it did not answer")
	}
	p.look(t.Context())
	filled(t, gauges(t, ps), firstServer)
	if skew, there := gauges(t, ps.clocks)["zgoda_clock_skew_seconds clickhouse"]; !there || skew < -.5 || skew > .5 {
		t.Errorf("a clock of this machine is off by %v, %v", skew, there)
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// filled checks that all is told of a server that answered.
func filled(t *testing.T, got map[string]float64, server string) {
	t.Helper()
	if got["zgoda_clickhouse_away_seconds "+server] != 0 || got["zgoda_clickhouse_probe_seconds "+server] != 1 || got["zgoda_clickhouse_parts_limit "+server] < 100 {
		t.Errorf("%v", got)
	}
	if free, size := got["zgoda_clickhouse_disk_free_bytes "+server], got["zgoda_clickhouse_disk_size_bytes "+server]; free <= 0 || size < free {
		t.Errorf("%v free of %v", free, size)
	}
	for _, table := range activity.LoadTables() {
		if n, there := got["zgoda_clickhouse_parts "+server+" "+table]; !there || n != 0 {
			t.Errorf("parts of %s: %v, %v", table, n, there)
		}
	}
}

// TestProbesOfReplicas: each server is told of under its own name, whatever the others do.
func TestProbesOfReplicas(t *testing.T) {
	first, second := enginetest.Start(t), enginetest.Start(t)
	var log strings.Builder
	ps := probesFor(&log)
	probeOf(t, ps, firstServer, "127.0.0.1:1", first.Admin) // nobody is there
	probeOf(t, ps, replicaName(0), second.Address, second.Admin)
	probeOf(t, ps, replicaName(1), first.Address, first.Admin)
	for _, p := range ps.all {
		p.since.Store(time.Now().Add(-time.Minute).UnixNano())
		if answered := p.ask(t.Context()); answered != (p.server != firstServer) {
			t.Errorf("%s answered: %v", p.server, answered)
		} else if answered {
			p.look(t.Context())
		}
	}
	got := gauges(t, ps)
	filled(t, got, "replica_1")
	filled(t, got, "replica_2")
	if got["zgoda_clickhouse_away_seconds first"] < 59 {
		t.Errorf("the first is away for %v", got["zgoda_clickhouse_away_seconds first"])
	}
	if _, there := got["zgoda_clickhouse_parts_limit first"]; there {
		t.Error("the first did not answer, and is told of")
	}
	skews := gauges(t, ps.clocks)
	if _, there := skews["zgoda_clock_skew_seconds replica_1"]; len(skews) != 2 || !there {
		t.Errorf("%v", skews)
	}
}

// TestProbeWithoutGrants: who may not read the server's own tables still learns
// whether it is there, and is told once what is missing.
func TestProbeWithoutGrants(t *testing.T) {
	access := enginetest.Start(t)
	var log strings.Builder
	ps := probesFor(&log)
	p := probeOf(t, ps, firstServer, access.Address, access.Writer)
	if !p.ask(t.Context()) {
		t.Fatal("it did not answer")
	}
	p.look(t.Context())
	p.look(t.Context())
	got := gauges(t, ps)
	for _, name := range []string{"zgoda_clickhouse_parts first events", "zgoda_clickhouse_disk_free_bytes first", "zgoda_clickhouse_mutation_oldest_seconds first"} {
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
	p := probeOf(t, probesFor(&log), firstServer, "127.0.0.1:1", engine.Credential{User: "x"})
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
