package writer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/spool"
	"zgoda/telemetry/scale"
)

// step is a part of a range's time here.
type step uint8

const (
	stepRead    step = iota // its records are read and the range is journalled
	stepInsert              // one attempt to insert its rows
	stepVerify              // the store is asked once which of them it has
	stepRelease             // the quarantine and the spool's mark are written
	stepCount
)

var stepNames = [stepCount]string{"read", "insert", "verify", "release"}

// times are those of ranges, each of which is many events: what they cost is
// nothing to an event.
type times struct {
	steps [stepCount]prometheus.Observer
	delay prometheus.Histogram
}

func newTimes() (times, []prometheus.Collector) {
	steps := prometheus.NewHistogramVec(scale.Seconds("zgoda_writer_range_seconds",
		"Time of each step of a range of records: read (from the spool to the journal), insert (each attempt), verify (each time the store is asked what is there), release."), []string{"step"})
	t := times{delay: prometheus.NewHistogram(scale.Seconds("zgoda_writer_delay_seconds",
		"Time from durable to stored and released of the oldest record of each range. Its exemplars name the range by where it begins in the spool.", scale.Delays...))}
	for s, name := range stepNames {
		t.steps[s] = steps.WithLabelValues(name)
	}
	return t, []prometheus.Collector{steps, t.delay}
}

// took observes a step that began then.
func (t *times) took(s step, began time.Time) {
	t.steps[s].Observe(time.Since(began).Seconds())
}

// delayed observes how long a range waited. The exemplar is a place in the spool,
// as SEGMENT/INDEX: it leads to nobody.
func (t *times) delayed(r spool.Range, d time.Duration) {
	if e, ok := t.delay.(prometheus.ExemplarObserver); ok {
		e.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"range": r.From.String()})
	}
}
