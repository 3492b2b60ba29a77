package supervise

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	restarts prometheus.Counter
	up       prometheus.Gauge
}

// newMetrics registers what a supervisor tells, by child.
func newMetrics(registerer prometheus.Registerer, child string) (*metrics, error) {
	labels := prometheus.Labels{"child": child}
	m := &metrics{
		restarts: prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_child_restarts_total", Help: "Times a child process ended and was started again.", ConstLabels: labels}),
		up:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_child_up", Help: "1 while the child process is ready, else 0.", ConstLabels: labels}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.restarts, m.up} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of %s: %w", child, err)
		}
	}
	return m, nil
}
