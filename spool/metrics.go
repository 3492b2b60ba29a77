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
	synced    prometheus.Counter
	commit    prometheus.Histogram
	size      prometheus.Histogram
	wait      prometheus.Histogram
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_spool_" + name, Help: help})
	}
	// The spool links nothing else of ours: both forms are as telemetry/scale has them.
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zgoda_spool_" + name, Help: help, Buckets: buckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 200,
			NativeHistogramMinResetDuration: time.Hour, NativeHistogramZeroThreshold: 1e-6,
		})
	}
	return &metrics{
		records:   counter("records_total", "Records made durable."),
		groups:    counter("groups_total", "Groups made durable, each by one fdatasync."),
		failures:  counter("failures_total", "Groups or segments that the disk refused."),
		leftovers: counter("leftovers_total", "Released segments that could not be removed."),
		synced:    counter("synced_bytes_total", "Bytes written and waited for: groups, headers, zeros for groups without records."),
		commit:    histogram("commit_seconds", "Time to seal, write and fdatasync a group.", .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10),
		size:      histogram("group_records", "Records in a group.", prometheus.ExponentialBuckets(1, 2, 14)...),
		wait:      histogram("gather_seconds", "Time for which a group was made to wait for more records.", .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1),
	}
}

// group counts one durable group.
func (m *metrics) group(records uint32, bytes int64, took time.Duration) {
	m.records.Add(float64(records))
	m.synced.Add(float64(bytes))
	m.size.Observe(float64(records))
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
		m.records, m.groups, m.failures, m.leftovers, m.synced, m.commit, m.size, m.wait,
		gauge("bytes", "Bytes of segments on disk.", func(st Stats) float64 { return float64(st.Bytes) }),
		gauge("limit_bytes", "Bytes at which records are refused.", func(st Stats) float64 { return float64(st.Limit) }),
		gauge("waiting_records", "Durable records not released.", func(st Stats) float64 { return float64(st.Records) }),
		gauge("oldest_seconds", "Age of the oldest of them.", func(st Stats) float64 { return st.OldestAge.Seconds() }),
		gauge("failing", "1 while the disk refuses groups or segments.", func(Stats) float64 {
			if s.failed.Load() != nil {
				return 1
			}
			return 0
		}),
		gauge("disk_wait_seconds", "How long the group that is being written has been waiting for the disk.", func(Stats) float64 {
			return s.waitsForDisk().Seconds()
		}),
		gauge("torn", "Torn tails cut off since the start.", func(st Stats) float64 { return float64(st.Torn) }),
		gauge("damaged", "Damage set aside since the start.", func(st Stats) float64 { return float64(st.Damaged) }),
	} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
