package dryrun

import (
	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
)

// Metrics tell what trials have counted. Labels are of closed sets: the sites that
// have a label of their own with the purposes of the configuration, outcomes and
// sources. Pairs that never came are left out.
type Metrics struct {
	trials []*Trial
	label  func(event.SiteID) string
}

// NewMetrics makes the metrics of the trials of several sites. Sites of one label
// are counted together, as are then their purposes.
func NewMetrics(label func(event.SiteID) string, trials ...*Trial) *Metrics {
	return &Metrics{trials, label}
}

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

// otherPurposes is the label of every purpose of sites that share a label.
const otherPurposes = "other"

// numbers are what is told of one or several sites.
type numbers struct {
	events, differ uint64
	rows           map[[2]string]uint64 // by live, candidate
	decisions      map[[5]string]uint64 // by purpose, live, who, candidate, who
}

func (n *numbers) add(r *Report, alone bool) {
	n.events += r.Events
	n.differ += r.Differ
	for _, row := range r.Rows {
		n.rows[[2]string{row.Live, row.Candidate}] += row.Events
	}
	for _, p := range r.Purposes {
		purpose := p.Purpose
		if !alone {
			purpose = otherPurposes
		}
		for _, pair := range p.Pairs {
			n.decisions[[5]string{purpose, pair.Live, pair.LiveBy, pair.Candidate, pair.CandidateBy}] += pair.Decisions
		}
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	by := map[string]*numbers{}
	for _, t := range m.trials {
		r := t.Report()
		site := m.label(r.Site)
		if by[site] == nil {
			by[site] = &numbers{rows: map[[2]string]uint64{}, decisions: map[[5]string]uint64{}}
		}
		by[site].add(&r, site == string(r.Site))
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for site, n := range by {
		counter(descEvents, n.events, site)
		counter(descDiffer, n.differ, site)
		for row, events := range n.rows {
			counter(descRows, events, site, row[0], row[1])
		}
		for pair, decisions := range n.decisions {
			counter(descDecisions, decisions, append([]string{site}, pair[:]...)...)
		}
	}
}
