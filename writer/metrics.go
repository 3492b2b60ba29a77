package writer

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the writer's numbers.
type metrics struct {
	rows, batches, retries, readbacks, holes, splits, quarantined prometheus.Counter

	lag, seen, full prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer, kept quarantine) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_writer_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_writer_" + name, Help: help})
	}
	read := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zgoda_writer_" + name, Help: help}, value)
	}
	m := &metrics{
		rows:        counter("rows_total", "Rows stored."),
		batches:     counter("batches_total", "Ranges released."),
		retries:     counter("retries_total", "Steps that failed and were tried again."),
		readbacks:   counter("readbacks_total", "Times the store was asked what is there."),
		holes:       counter("holes_mended_total", "Rows missing after an insert that was answered, and sent again."),
		splits:      counter("splits_total", "Ranges split because a row was refused."),
		quarantined: counter("quarantined_total", "Records put into the quarantine."),
		lag:         gauge("lag_seconds", "How long the last range waited from durable to released."),
		seen:        gauge("seen_ids", "Message ids remembered."),
		full:        gauge("quarantine_full", "1 while a range waits because the quarantine is full."),
	}
	for _, c := range []prometheus.Collector{
		m.rows, m.batches, m.retries, m.readbacks, m.holes, m.splits, m.quarantined, m.lag, m.seen, m.full,
		read("quarantine_bytes", "Bytes of the quarantine on disk.", func() float64 {
			size, err := kept.log.Size()
			if err != nil {
				return math.NaN()
			}
			return float64(size)
		}),
		read("quarantine_limit_bytes", "Bytes at which the quarantine is full.", func() float64 { return float64(kept.limit) }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
