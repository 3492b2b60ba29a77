package writer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the writer's numbers.
type metrics struct {
	rows, batches, retries, readbacks, holes, splits, quarantined, unreadable, erased prometheus.Counter

	lag, full, flying prometheus.Gauge
	stalled           map[string]prometheus.Gauge // by why; all of them

	times
}

// classes are why a step may fail: those of the store's errors, and whatever else.
var classes = []string{
	"login", "read_only", "memory", "parts", "disk", "schema", "content", "unreachable", "refused", classOther,
}

const classOther = "other"

func newMetrics(reg prometheus.Registerer, kept quarantine, ids *claims, rows *size, held *holds, cfg Config) (*metrics, error) {
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
		flying:      gauge("ranges_in_flight", "Ranges that are read and not released."),
		unreadable:  counter("unreadable_total", "Records quarantined because it can no longer be found out whether they were stored."),
		erased:      counter("erased_total", "Records taken out of the spool and the quarantine by erasures."),
		stalled:     map[string]prometheus.Gauge{},
		full:        gauge("quarantine_full", "1 while a range waits because the quarantine is full."),
	}
	stalled := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "zgoda_writer_stalled", Help: "Steps that fail and are tried again now, by why.",
	}, []string{"why"})
	for _, class := range classes {
		m.stalled[class] = stalled.WithLabelValues(class)
	}
	var timed []prometheus.Collector
	m.times, timed = newTimes()
	for _, c := range append(timed,
		m.rows, m.batches, m.retries, m.readbacks, m.holes, m.splits, m.quarantined, m.lag, m.full,
		m.flying, m.unreadable, m.erased, stalled, sizeOf(kept),
		read("seen_ids", "Message ids remembered.", func() float64 { n, _ := ids.state(); return float64(n) }),
		read("seen_limit_ids", "Message ids remembered at most.", func() float64 { return float64(cfg.MaxSeen) }),
		read("dedup_window_seconds", "How far back a repeated message id is recognised now.", func() float64 {
			_, from := ids.state()
			return time.Since(from).Seconds()
		}),
		read("held_seconds", "How long nothing has been begun to be stored, since a key's rotation rewrites what is; 0: nothing holds.", func() float64 {
			d, _ := held.active()
			return d.Seconds()
		}),
		read("range_limit_rows", "Records that the next range may have.", func() float64 { return float64(rows.rows()) }),
		read("ranges_in_flight_limit", "Ranges in flight at most.", func() float64 { return float64(cfg.flights()) }),
		read("quarantine_limit_bytes", "Bytes at which the quarantine is full.", func() float64 { return float64(kept.limit) }),
	) {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// quarantineSize tells the size of the quarantine, and nothing where that cannot be
// read: a number that is none would count as one.
type quarantineSize struct {
	desc *prometheus.Desc
	of   quarantine
}

func sizeOf(q quarantine) quarantineSize {
	return quarantineSize{prometheus.NewDesc("zgoda_writer_quarantine_bytes", "Bytes of the quarantine on disk.", nil, nil), q}
}

// Describe implements prometheus.Collector.
func (s quarantineSize) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector.
func (s quarantineSize) Collect(ch chan<- prometheus.Metric) {
	if size, err := s.of.log.Size(); err == nil {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(size))
	}
}
