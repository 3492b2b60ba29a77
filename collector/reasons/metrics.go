package reasons

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Register adds the ring's metrics.
func (r *Ring) Register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "zgoda_reasons_" + name, Help: help}, value)
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zgoda_reasons_" + name, Help: help}, value)
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		counter("offered_total", "Events with a messageId that were dropped or stored for less than all purposes.",
			func() float64 { return float64(r.noted.Load()) }),
		counter("kept_total", "Of those, whose reasons were kept to be looked up.",
			func() float64 { return float64(r.kept.Load()) }),
		gauge("one_in", "How many are offered for each one that is kept now.",
			func() float64 { return float64(int(1) << r.level.Load()) }),
		gauge("entries_limit", "How many entries may be kept.",
			func() float64 { return float64(r.capacity) }),
	} {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("register the metrics of reasons: %w", err)
	}
	return nil
}
