package reach

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
)

type metrics struct {
	waiting *prometheus.GaugeVec
	reached prometheus.Counter
	unknown prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "zgoda_reach_waiting", Help: "Withdrawals that have not reached all stored rows yet, by state.",
		}, []string{"state"}),
		reached: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_reach_total", Help: "Withdrawals that have reached all stored rows.",
		}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_reach_unknown_total", Help: "Withdrawals of whom the keyholder knows no rows: visitors by their handle, and who is gone.",
		}),
	}
	m.count(nil)
	return m
}

func (m *metrics) count(counts map[control.ReachState]int64) {
	for _, s := range []control.ReachState{control.ReachNoted, control.ReachWaiting, control.ReachOpen, control.ReachTaken} {
		m.waiting.WithLabelValues(string(s)).Set(float64(counts[s]))
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.waiting), r.Register(m.reached), r.Register(m.unknown))
}
