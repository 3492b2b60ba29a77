package pseudonym

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count calls by what was asked and how it ended, both from closed sets.
type metrics struct {
	seconds   *prometheus.HistogramVec
	conflicts prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "zgoda_keyholder_call_seconds",
			Help:    "Time of calls to the keyholder, by act and outcome.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"act", "outcome"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_link_conflicts_total",
			Help: "Links that named identifiers of two known contacts, which were not merged.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.seconds), registerer.Register(m.conflicts))
}

func (m *metrics) observe(act string, took time.Duration, err error) {
	outcome := "done"
	switch {
	case errors.Is(err, ErrAway):
		outcome = "away"
	case err != nil:
		outcome = "failed"
	}
	m.seconds.WithLabelValues(act, outcome).Observe(took.Seconds())
}
