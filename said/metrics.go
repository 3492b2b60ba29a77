package said

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/spool"
)

// metrics count what became of what was said, by a closed set of fates.
type metrics struct {
	handed, withdrawn, quarantined prometheus.Counter
}

func newMetrics(r prometheus.Registerer, stats func() spool.Stats) (*metrics, error) {
	fates := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_said_total", Help: "Events of which what they say of their contact went to the vault, by fate: handed (to the keyholder), withdrawn (since) or quarantined.",
	}, []string{"fate"})
	m := &metrics{fates.WithLabelValues("handed"), fates.WithLabelValues("withdrawn"), fates.WithLabelValues("quarantined")}
	gauge := func(name, help string, read func(spool.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zgoda_said_" + name, Help: help}, func() float64 { return read(stats()) })
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		fates,
		gauge("waiting_records", "Events of which what they say of their contact is not in the vault yet.", func(s spool.Stats) float64 { return float64(s.Records) }),
		gauge("bytes", "Of the files that it waits in.", func(s spool.Stats) float64 { return float64(s.Bytes) }),
		gauge("limit_bytes", "At which further ones are refused (sealed_limit).", func(s spool.Stats) float64 { return float64(s.Limit) }),
		gauge("oldest_seconds", "How long the first of them has waited.", func(s spool.Stats) float64 { return s.OldestAge.Seconds() }),
	} {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register the metrics of what contacts said: %w", err)
	}
	return m, nil
}
