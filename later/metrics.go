package later

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/spool"
)

// metrics count what became of events that waited, by a closed set of fates.
type metrics struct {
	stored, dropped, quarantined prometheus.Counter
}

func newMetrics(r prometheus.Registerer, stats func() spool.Stats) (*metrics, error) {
	resolved := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_later_resolved_total", Help: "Events that waited for the keyholder and do not any more, by fate: stored (in the spool), dropped or quarantined.",
	}, []string{"fate"})
	m := &metrics{resolved.WithLabelValues("stored"), resolved.WithLabelValues("dropped"), resolved.WithLabelValues("quarantined")}
	gauge := func(name, help string, read func(spool.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zgoda_later_" + name, Help: help}, func() float64 { return read(stats()) })
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		resolved,
		gauge("waiting_records", "Events that wait for the keyholder, sealed to it.", func(s spool.Stats) float64 { return float64(s.Records) }),
		gauge("bytes", "Of the files that they wait in.", func(s spool.Stats) float64 { return float64(s.Bytes) }),
		gauge("limit_bytes", "At which further ones are refused (sealed_limit).", func(s spool.Stats) float64 { return float64(s.Limit) }),
		gauge("oldest_seconds", "How long the first of them has waited.", func(s spool.Stats) float64 { return s.OldestAge.Seconds() }),
	} {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register the metrics of what waits: %w", err)
	}
	return m, nil
}
