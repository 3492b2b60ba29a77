package collector

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector/enrich"
	"zgoda/consent"
)

// metrics count what the fates of events do not tell. Every label is of a
// closed set.
type metrics struct {
	claims  prometheus.Counter
	clock   prometheus.Counter
	leftOut prometheus.Counter
	stale   prometheus.Counter
	decided [consent.KindSharing + 1][2][consent.SourceCount]prometheus.Counter
	dropped [consent.KindSharing + 1][consent.SourceCount]prometheus.Counter
	held    [heldFates]prometheus.Counter
	watch   *stopwatch
	sites   siteCounters
}

func newMetrics(r prometheus.Registerer, sites *Sites, agents func() enrich.Stats) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_collector_" + name, Help: help})
	}
	m := &metrics{
		claims:  counter("claims_dropped_total", "Identifiers of contacts claimed with a public key and without a proof, dropped."),
		clock:   counter("clock_corrected_total", "Times out of range that were set to the time of receipt."),
		leftOut: counter("traits_left_out_total", "Identifiers and traits that a contact's own events said and that cannot be kept: too long, too many, or with control characters."),
		stale:   counter("decisions_repeated_total", "Decisions made again because a change overtook them."),
	}
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_collector_decisions_total", Help: "Decisions by kind of purpose, outcome and who decided.",
	}, []string{"kind", "outcome", "by"})
	for k := range m.decided {
		for o := range m.decided[k] {
			for s := range m.decided[k][o] {
				m.decided[k][o][s] = decisions.WithLabelValues(consent.Kind(k).String(), consent.Outcome(o).String(), consent.Source(s).String())
			}
		}
	}
	drops := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_collector_drops_total", Help: "Purposes of events that were not stored at all, by kind of purpose and who denied it. An event counts once for each purpose of its site.",
	}, []string{"kind", "by"})
	for k := range m.dropped {
		for s := range m.dropped[k] {
			m.dropped[k][s] = drops.WithLabelValues(consent.Kind(k).String(), consent.Source(s).String())
		}
	}
	held := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_collector_held_total", Help: "Events that a page held because nobody had chosen yet, by what became of them: released by a grant there, not_released, denied for what they were released for, or off where the site releases none.",
	}, []string{"fate"})
	for i, name := range heldNames {
		m.held[i] = held.WithLabelValues(name)
	}
	var stages, bySite prometheus.Collector
	m.watch, stages = newStopwatch()
	m.sites, bySite = newSiteCounters(sites)
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range append(agentMetrics(agents), m.claims, m.clock, m.leftOut, m.stale, decisions, drops, held, stages, bySite) {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register the metrics of the collector: %w", err)
	}
	return m, nil
}

// agentMetrics tell whether enough user agents are remembered.
func agentMetrics(read func() enrich.Stats) []prometheus.Collector {
	const name = "zgoda_collector_agents_"
	return []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: name + "unread_total", Help: "User agents never seen before that were not read, since too many came at once.",
		}, func() float64 { return float64(read().Unread) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: name + "missed_total", Help: "User agents that were not remembered and were read.",
		}, func() float64 { return float64(read().Missed) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name + "kept", Help: "User agents whose families are remembered, by a hash (cached_agents).",
		}, func() float64 { return float64(read().Kept) }),
	}
}

func (m *metrics) decision(d *consent.Decision) {
	for i := range d.Policy().Purposes {
		v := d.Verdict(i)
		kind := d.Policy().Purposes[i].Kind
		if int(kind) < len(m.decided) && int(v.Outcome) < 2 && int(v.By) < consent.SourceCount {
			m.decided[kind][v.Outcome][v.By].Inc()
		}
	}
}

// drop counts why nothing of an event was stored.
func (m *metrics) drop(d *consent.Decision) {
	for i := range d.Policy().Purposes {
		v := d.Verdict(i)
		kind := d.Policy().Purposes[i].Kind
		if int(kind) < len(m.dropped) && int(v.By) < consent.SourceCount {
			m.dropped[kind][v.By].Inc()
		}
	}
}
