package collector

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/telemetry/scale"
)

// phase is one part of a request's time.
type phase uint8

const (
	phaseRead   phase = iota // the body is read, decoded and checked
	phaseLoad                // its people are looked up, and those not in memory waited for
	phaseDecide              // consent is decided, and what is permitted put into the spool's memory
	phaseSpool               // the disk is waited for
	phaseAnswer              // the answer is written
	phaseCount
)

var phaseNames = [phaseCount]string{"read", "load", "decide", "spool", "answer"}

// At peak one request of so many is timed, and each that comes so long after the
// last that was: what a timed request costs, at peak six microseconds, is for caches
// that hold nothing of it (decision 0078).
const (
	sampled = 64
	quiet   = 100 * time.Millisecond
)

// stopwatch times some requests.
type stopwatch struct {
	epoch   time.Time    // what last counts from
	last    atomic.Int64 // when the last that is timed began
	seconds [phaseCount]prometheus.Observer
}

func newStopwatch() (*stopwatch, prometheus.Collector) {
	seconds := prometheus.NewHistogramVec(scale.Seconds("zgoda_collector_stage_seconds",
		"Time of each stage of a request with events, of one request in 64 and of each that comes a tenth of a second after the last that was timed: read (and check), load (who it is of), decide (and make the record), spool (wait for the disk), answer.", scale.Stages...), []string{"stage"})
	s := &stopwatch{epoch: time.Now().Add(-time.Hour)}
	for p, name := range phaseNames {
		s.seconds[p] = seconds.WithLabelValues(name)
	}
	return s, seconds
}

// start begins to time a request where its turn is, from began on, or from now on
// where began is zero. The turns are counted by each work for itself: a number that
// all processors write would cost more than the timing.
func (s *stopwatch) start(began time.Time, turn *uint32) lap {
	if began.IsZero() {
		began = time.Now()
	}
	at := int64(began.Sub(s.epoch))
	if *turn++; *turn%sampled != 0 && at-s.last.Load() < int64(quiet) {
		return lap{}
	}
	s.last.Store(at)
	return lap{of: s, at: began}
}

// lap is the watch of one request; the zero lap is of one that is not timed.
type lap struct {
	of *stopwatch
	at time.Time // the end of the stage before
}

// end ends a stage, and so begins the next.
func (l *lap) end(p phase) {
	if l.of == nil {
		return
	}
	now := time.Now()
	l.of.seconds[p].Observe(now.Sub(l.at).Seconds())
	l.at = now
}

// Written says that the answer is ready to be sent, which ends the request's time.
func (a *Answer) Written() {
	a.lap.end(phaseAnswer)
	a.lap = lap{}
}
