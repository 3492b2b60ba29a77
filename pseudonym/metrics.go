package pseudonym

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/telemetry/scale"
)

// metrics count calls by what was asked and how it ended, both from closed sets.
type metrics struct {
	seconds   *prometheus.HistogramVec
	conflicts prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(scale.Seconds(
			"zgoda_keyholder_call_seconds", "Time of calls to the keyholder, by act and outcome.",
			append([]float64{.0001, .00025}, scale.Answers...)...,
		), []string{"act", "outcome"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_link_conflicts_total",
			Help: "Links that named identifiers of two known contacts, which were not merged.",
		}),
	}
	for _, act := range []string{"ready", "keys", "resolve", "link"} { // what events wait for: alarms want their failures there before they rise
		for _, outcome := range []string{"done", "away", "failed"} {
			m.seconds.WithLabelValues(act, outcome)
		}
	}
	if registerer == nil {
		return m, nil
	}
	// The clients of several roles count into the same metrics.
	var err, errs error
	m.seconds, err = shared(registerer, m.seconds)
	m.conflicts, errs = shared(registerer, m.conflicts)
	return m, errors.Join(err, errs)
}

func shared[C prometheus.Collector](registerer prometheus.Registerer, c C) (C, error) {
	err := registerer.Register(c)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same, nil
		}
	}
	return c, err
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
