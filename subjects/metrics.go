package subjects

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	hits, misses prometheus.Counter
	failures     *prometheus.CounterVec
	load         prometheus.Histogram
	enforced     prometheus.Histogram
	stale        prometheus.Counter
	rechecks     prometheus.Counter
}

func newMetrics(r prometheus.Registerer, f *fence, entries int64) (*metrics, error) {
	seconds := []float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, 1, 2.5}
	m := &metrics{
		hits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_hits_total", Help: "Identifiers answered from the cached consent set.",
		}),
		misses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_misses_total", Help: "Identifiers that had to be loaded.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_subjects_load_failures_total", Help: "Batches of identifiers that could not be loaded, by the part that was away, and loads that found no room.",
		}, []string{"away"}),
		load: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zgoda_subjects_load_seconds", Help: "Time to load one batch of identifiers.", Buckets: seconds,
		}),
		enforced: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zgoda_withdrawal_to_enforced_seconds", Help: "Time from a change being asked for to its being enforced on this node.", Buckets: seconds,
		}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_stale_total", Help: "Events that had to be decided again because a person changed their mind meanwhile.",
		}),
		rechecks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_rechecks_total", Help: "Spooled records that were looked up in the control store before shipping.",
		}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.hits, m.misses, m.failures, m.load, m.enforced, m.stale, m.rechecks,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_subjects_fence_size", Help: "Changes that the fence remembers by name.",
		}, func() float64 { return float64(f.size.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_subjects_fence_limit", Help: "Changes that the fence can remember by name.",
		}, func() float64 { return float64(f.limit * shardCount) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_subjects_entries_limit", Help: "Identifiers that the cached consent set can hold.",
		}, func() float64 { return float64(entries) }),
	} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}
