package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zgoda/bench/load"
)

// rounds are the results of one scenario by target, in the order of the table.
type rounds struct {
	names []string
	by    map[string][]measured
}

func (r *rounds) keep(m measured) {
	if r.by == nil {
		r.by = map[string][]measured{}
	}
	if _, known := r.by[m.target]; !known {
		r.names = append(r.names, m.target)
	}
	r.by[m.target] = append(r.by[m.target], m)
}

func events(m measured) float64 { return m.Result.EventsPerSecond() }

// ratios adds the table of what was accepted beside the yardsticks, medians over
// the rounds.
func (r *rounds) ratios(out *report) {
	out.head("server", "events/s", "requests/s", "of bare", "of durable", "p50", "p99", "p99.9", "max", "refused", "CPU us/event", "of bare's", "generator us/event")
	latency := func(all []measured, f func(load.Latency) time.Duration) string {
		return millis(medianTime(all, func(m measured) time.Duration { return f(m.Result.Latency) }))
	}
	bare := r.by["bare 204"]
	for _, name := range r.names {
		all := r.by[name]
		cpu := median(all, measured.serverCPU)
		out.row(name, thousands(median(all, events)), thousands(median(all, func(m measured) float64 { return m.Result.PerSecond() })),
			r.ratio(name, "bare 204"), r.ratio(name, "durable limit"),
			latency(all, func(l load.Latency) time.Duration { return l.P50 }), latency(all, func(l load.Latency) time.Duration { return l.P99 }),
			latency(all, func(l load.Latency) time.Duration { return l.P999 }),
			millis(most(all, func(m measured) time.Duration { return m.Result.Latency.Max })),
			refusals(all), micros(cpu), ratio(cpu, median(bare, measured.serverCPU)),
			micros(median(all, func(m measured) float64 { return m.perEvent(m.CPU.Total()) })))
	}
}

// refusals says what was not accepted in all rounds: answers by status, then
// connections that broke and requests without an answer.
func refusals(all []measured) string {
	statuses, broken, unanswered := map[int]int{}, 0, 0
	for _, m := range all {
		broken += m.Result.Broken
		unanswered += m.Result.Unanswered
		for status, n := range m.Result.Refused {
			statuses[status] += n
		}
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		parts = append(parts, fmt.Sprintf("%d: %s", status, thousands(float64(statuses[status]))))
	}
	if broken > 0 {
		parts = append(parts, fmt.Sprintf("broken: %d", broken))
	}
	if unanswered > 0 {
		parts = append(parts, fmt.Sprintf("unanswered: %d", unanswered))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}

// ratio is the median of the ratios of rounds, each to the same round of the
// other, which ran beside it.
func (r *rounds) ratio(name, other string) string {
	mine, theirs := r.by[name], r.by[other]
	var pairs []measured
	var values []float64
	for i := range min(len(mine), len(theirs)) {
		pairs = append(pairs, mine[i])
		values = append(values, events(mine[i])/events(theirs[i]))
	}
	if len(pairs) == 0 {
		return "-"
	}
	at := -1
	return ratio(median(pairs, func(measured) float64 { at++; return values[at] }), 1)
}

// processes adds what each process of the gateway used.
func (r *rounds) processes(out *report) {
	all := r.by["zgoda"]
	if len(all) == 0 {
		return
	}
	out.head("process", "user us/event", "system us/event", "until stored us/event", "resident", "peak")
	for _, name := range []string{"gateway", "keyholder", "engine"} {
		out.row(name,
			micros(median(all, func(m measured) float64 { return m.perEvent(m.cpu[name].User) })),
			micros(median(all, func(m measured) float64 { return m.perEvent(m.cpu[name].System) })),
			micros(median(all, func(m measured) float64 { return m.perEvent(m.cpu[name].Total() + m.tail[name].Total()) })),
			mebi(most(all, func(m measured) int64 { return m.memory[name].Resident })),
			mebi(most(all, func(m measured) int64 { return m.memory[name].ResidentPeak })))
	}
	out.row("generator",
		micros(median(all, func(m measured) float64 { return m.perEvent(m.CPU.User) })),
		micros(median(all, func(m measured) float64 { return m.perEvent(m.CPU.System) })), "", "", "")
}

// spool adds what was brought to disk and how far ClickHouse was behind.
func (r *rounds) spool(out *report) {
	all := r.by["zgoda"]
	if len(all) == 0 {
		return
	}
	out.head("round", "events/s accepted", "events/s into ClickHouse meanwhile", "waiting at begin", "waiting at end", "emptied within", "synced B/event", "events a sync")
	for i, m := range all {
		stored := m.end[metricStored] - m.begin[metricStored]
		records := m.end[metricRecords] - m.begin[metricRecords]
		out.row(thousands(float64(i+1)), thousands(events(m)), thousands(stored/m.Result.Elapsed.Seconds()),
			thousands(m.begin[metricWaiting]), thousands(m.end[metricWaiting]), m.drain.Round(100*time.Millisecond).String(),
			perRecord(m.end[metricSynced]-m.begin[metricSynced], records), perRecord(records, m.end[metricGroups]-m.begin[metricGroups]))
	}
}

func perRecord(a, b float64) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return thousands(a / b)
}
