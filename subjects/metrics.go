package subjects

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/telemetry/scale"
)

type metrics struct {
	hits, misses prometheus.Counter
	failures     [failedCount]prometheus.Counter
	failed       prometheus.Collector
	load         prometheus.Histogram
	parts        *prometheus.HistogramVec
	waited       *prometheus.HistogramVec
	enforced     prometheus.Histogram
	elsewhere    prometheus.Histogram
	gaps         prometheus.Counter
	stale        prometheus.Counter
	rechecks     prometheus.Counter
	loaded       prometheus.Counter
	evictions    prometheus.Counter
}

// failed is why a batch of identifiers could not be loaded.
const (
	failedKeyholder = iota
	failedControl
	failedRoom
	failedCount
)

var failedNames = [failedCount]string{"keyholder", "control", "room"}

func newMetrics() *metrics {
	fine := []float64{.0002, .0005, .001, .0015, .002, .003, .004, .005, .006, .008, .01, .015, .02, .03, .05, .1, .25, 1, 2.5, 5, 10}
	m := &metrics{
		hits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_hits_total", Help: "Identifiers answered from the cached consent set.",
		}),
		misses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_misses_total", Help: "Identifiers that had to be loaded.",
		}),
		load: prometheus.NewHistogram(scale.Seconds("zgoda_subjects_load_seconds", "Time to load one batch of identifiers.")),
		parts: prometheus.NewHistogramVec(scale.Seconds("zgoda_subjects_load_part_seconds",
			"Parts of the time to load one batch of identifiers, from its first one on: it gathers, the keyholder answers, the control store answers. Lanes: a load of few identifiers; one of few of which a contact may be made; one of many.",
			fine...), []string{"lane", "part"}),
		waited: prometheus.NewHistogramVec(scale.Seconds("zgoda_subjects_wait_seconds",
			"Time that a request waited for identifiers which were not in memory, by the lane that loaded them.", fine...), []string{"lane"}),
		enforced: prometheus.NewHistogram(scale.Seconds("zgoda_withdrawal_to_enforced_seconds",
			"Time from a change being asked for to its being enforced on this node.")),
		elsewhere: prometheus.NewHistogram(scale.Seconds("zgoda_withdrawal_to_enforced_elsewhere_seconds",
			"Time from a change being written by another node, by its clock, to its being enforced on this one.")),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_control_gaps_total", Help: "Times that changes of other nodes may have been missed, so that everybody was loaded again.",
		}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_stale_total", Help: "Events that had to be decided again because a person changed their mind meanwhile.",
		}),
		rechecks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_rechecks_total", Help: "Spooled records that were looked up in the control store before shipping.",
		}),
		loaded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_loaded_total", Help: "Identifiers that were loaded, each once in a batch. Divided by the batches (zgoda_subjects_load_seconds_count): how many go together.",
		}),
		evictions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_subjects_evictions_total", Help: "Identifiers that made room for others in the cached consent set.",
		}),
	}
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_subjects_load_failures_total", Help: "Batches of identifiers that could not be loaded, by the part that was away, and loads that found no room.",
	}, []string{"away"})
	for i, name := range failedNames {
		m.failures[i] = failures.WithLabelValues(name)
	}
	m.failed = failures
	return m
}

// register adds the metrics to r, which may be nil.
func (m *metrics) register(r prometheus.Registerer, s *Set) error {
	if r == nil {
		return nil
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.hits, m.misses, m.failed, m.load, m.enforced, m.elsewhere, m.gaps, m.stale, m.rechecks, m.loaded, m.evictions, m.parts, m.waited,
		gauge("zgoda_control_heartbeat_age_seconds", "How long ago everything that other nodes had changed was known here; above one second the cached consent set is passed by.",
			func() float64 { return s.hearing.age().Seconds() }),
		gauge("zgoda_control_away_seconds", "How long the control store has not been heard of where other nodes change it too, or has failed everybody who asked it; 0 when nobody has for 15 seconds.",
			func() float64 { return s.controlAway().Seconds() }),
		gauge("zgoda_subjects_fence_size", "Changes that the fence remembers by name.",
			func() float64 { return float64(s.fence.size.Load()) }),
		gauge("zgoda_subjects_fence_limit", "Changes that the fence can remember by name.",
			func() float64 { return float64(s.fence.limit * shardCount) }),
		gauge("zgoda_subjects_entries", "Identifiers that the cached consent set holds.",
			func() float64 { return float64(s.Len()) }),
		gauge("zgoda_subjects_entries_limit", "Identifiers that the cached consent set can hold (cached_subjects).",
			func() float64 { return float64(s.cfg.Entries) }),
		gauge("zgoda_subjects_bytes", "About how much memory the cached consent set takes.",
			func() float64 { return float64(s.Len() * EntryBytes) }),
		gauge("zgoda_subjects_waiting", "Identifiers that wait for a batch to load them.",
			func() float64 { return float64(s.loads.waiting()) }),
		gauge("zgoda_subjects_waiting_limit", "Identifiers that may wait and be under way.",
			func() float64 { return float64(s.cfg.Loads * s.cfg.Batch) }),
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}
