package dryrun

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics tell what trials have counted. Labels are of closed sets: the sites and
// purposes of the configuration, outcomes and sources. Pairs that never came are
// left out.
type Metrics struct{ trials []*Trial }

// NewMetrics makes the metrics of the trials of several sites.
func NewMetrics(trials ...*Trial) *Metrics { return &Metrics{trials} }

var (
	descEvents = prometheus.NewDesc("zgoda_dryrun_events_total",
		"Events that the live and the candidate policy decided about.", []string{"site"}, nil)
	descDiffer = prometheus.NewDesc("zgoda_dryrun_events_differ_total",
		"Of them, those that the candidate policy decides otherwise for at least one purpose.", []string{"site"}, nil)
	descRows = prometheus.NewDesc("zgoda_dryrun_rows_total",
		"Of them, by what the live and the candidate policy would store.", []string{"site", "live", "candidate"}, nil)
	descDecisions = prometheus.NewDesc("zgoda_dryrun_decisions_total",
		"Decisions about a purpose, by outcome and who decided under the live and the candidate policy.",
		[]string{"site", "purpose", "live", "live_by", "candidate", "candidate_by"}, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descEvents, descDiffer, descRows, descDecisions} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, t := range m.trials {
		r := t.Report()
		site := string(r.Site)
		counter(descEvents, r.Events, site)
		counter(descDiffer, r.Differ, site)
		for _, row := range r.Rows {
			counter(descRows, row.Events, site, row.Live, row.Candidate)
		}
		for _, p := range r.Purposes {
			for _, pair := range p.Pairs {
				counter(descDecisions, pair.Decisions, site, p.Purpose, pair.Live, pair.LiveBy, pair.Candidate, pair.CandidateBy)
			}
		}
	}
}
