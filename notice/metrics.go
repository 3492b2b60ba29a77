package notice

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	waiting prometheus.Gauge
	failed  prometheus.Counter
	tries   *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zgoda_notices_waiting", Help: "Notices to recipients and other systems that are not delivered yet.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_notices_failed_total", Help: "Notices that were given up: somebody has to tell by hand.",
		}),
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_notice_tries_total", Help: "Tries to deliver a notice, by what came of it.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{"delivered", "failed"} {
		m.tries.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.waiting, m.failed, m.tries} {
		if err := to.Register(c); err != nil {
			return fmt.Errorf("register the metrics of notices: %w", err)
		}
	}
	return nil
}
