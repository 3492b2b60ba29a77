package anchor

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator sees of checkpoints.
type metrics struct {
	made     prometheus.Counter
	failed   prometheus.Counter
	number   prometheus.Gauge
	refused  *prometheus.CounterVec
	anchored *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer, places []Place) (*metrics, error) {
	m := &metrics{
		made: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_ledger_checkpoints_total", Help: "Checkpoints of the ledger that were signed.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_ledger_checkpoint_failures_total", Help: "Times a checkpoint could not be made; it is tried again.",
		}),
		number: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zgoda_ledger_checkpoint_number", Help: "The entry of this node's chain that the last checkpoint is over.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_ledger_anchor_failures_total", Help: "Times a checkpoint could not be put to its place outside; it is tried again.",
		}, []string{"anchor"}),
		anchored: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "zgoda_ledger_anchored_number", Help: "The entry of this node's chain that the last checkpoint in the place is over.",
		}, []string{"anchor"}),
	}
	for _, p := range places {
		m.refused.WithLabelValues(p.Name())
		m.anchored.WithLabelValues(p.Name())
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.made, m.failed, m.number, m.refused, m.anchored} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
