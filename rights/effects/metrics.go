package effects

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	subjects prometheus.Gauge
	refills  prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		subjects: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zgoda_hidden_subjects", Help: "Pseudonyms whose rows are not shown everywhere.",
		}),
		refills: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_hidden_refills_total", Help: "Times that the table of who is hidden was filled anew.",
		}),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.subjects), r.Register(m.refills))
}
