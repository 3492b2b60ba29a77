package anchor

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control/checkpoint"
)

// metrics are what an operator sees of checkpoints.
type metrics struct {
	made     prometheus.Counter
	failed   prometheus.Counter
	number   prometheus.Gauge
	signed   atomic.Int64 // when the last one was, in Unix nanoseconds; 0: none was
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
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zgoda_ledger_checkpoint_age_seconds", Help: "How long ago the last checkpoint was signed; 0: none was.",
	}, m.age)
	for _, c := range []prometheus.Collector{m.made, m.failed, m.number, m.refused, m.anchored, age} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// at notes the last checkpoint.
func (m *metrics) at(c *checkpoint.Checkpoint) {
	m.number.Set(float64(c.Number))
	m.signed.Store(c.At.UnixNano())
}

func (m *metrics) age() float64 {
	at := m.signed.Load()
	if at == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, at)).Seconds())
}
