package rekey

import "github.com/prometheus/client_golang/prometheus"

// metrics are the keeper's and the job's numbers.
type metrics struct {
	revision, open, held, left prometheus.Gauge
	rows, holds, failures      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		revision: gauge("zgoda_keys_revision", "The keyholder's revision of the keys that this gateway works with."),
		open:     gauge("zgoda_rekey_open", "1 while a purpose key's rotation waits for what is stored to be rewritten."),
		held:     gauge("zgoda_rekey_held", "1 while the writer holds for it."),
		left:     gauge("zgoda_rekey_left_partitions", "Partitions that are still to be rewritten, as the job saw it last."),
		rows:     counter("zgoda_rekey_rows_total", "Rows that got a new pseudonym."),
		holds:    counter("zgoda_rekey_holds_total", "Times that the job had all writers hold."),
		failures: counter("zgoda_rekey_failures_total", "Attempts of the job that failed and were begun anew."),
	}
	for _, c := range []prometheus.Collector{m.revision, m.open, m.held, m.left, m.rows, m.holds, m.failures} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
