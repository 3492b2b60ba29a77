package spool

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the spool's numbers. They exist from Open; Register shows them.
type metrics struct {
	records   prometheus.Counter
	groups    prometheus.Counter
	failures  prometheus.Counter
	leftovers prometheus.Counter
	commit    prometheus.Histogram
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_spool_" + name, Help: help})
	}
	return &metrics{
		records:   counter("records_total", "Records made durable."),
		groups:    counter("groups_total", "Groups made durable, each by one fdatasync."),
		failures:  counter("failures_total", "Groups or segments that the disk refused."),
		leftovers: counter("leftovers_total", "Released segments that could not be removed."),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zgoda_spool_commit_seconds", Help: "Time to seal, write and fdatasync a group.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
	}
}

// group counts one durable group.
func (m *metrics) group(records uint32, took time.Duration) {
	m.records.Add(float64(records))
	m.groups.Inc()
	m.commit.Observe(took.Seconds())
}

// Register shows the spool's metrics.
func (s *Spool) Register(reg prometheus.Registerer) error {
	gauge := func(name, help string, read func(Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zgoda_spool_" + name, Help: help},
			func() float64 { return read(s.Stats()) })
	}
	m := s.metrics
	for _, c := range []prometheus.Collector{
		m.records, m.groups, m.failures, m.leftovers, m.commit,
		gauge("bytes", "Bytes of segments on disk.", func(st Stats) float64 { return float64(st.Bytes) }),
		gauge("limit_bytes", "Bytes at which records are refused.", func(st Stats) float64 { return float64(st.Limit) }),
		gauge("waiting_records", "Durable records not released.", func(st Stats) float64 { return float64(st.Records) }),
		gauge("oldest_seconds", "Age of the oldest of them.", func(st Stats) float64 { return st.OldestAge.Seconds() }),
		gauge("torn", "Torn tails cut off since the start.", func(st Stats) float64 { return float64(st.Torn) }),
		gauge("damaged", "Damage set aside since the start.", func(st Stats) float64 { return float64(st.Damaged) }),
	} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
