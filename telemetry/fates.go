package telemetry

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
)

// Fates counts what became of every event (I5 one fate):
//
//	received + recovered = stored + duplicate + dropped + dropped later
//	                     + refused + quarantined + in flight
//
// at every scrape. Each step of an event's life is counted where it happens; a
// scrape sees all counters at one moment, because a step holds the gate for
// reading and a scrape holds it for writing. All methods are safe for
// concurrent use, and none allocates.
type Fates struct {
	gate        sync.RWMutex
	received    atomic.Uint64
	recovered   atomic.Uint64
	stored      atomic.Uint64
	duplicate   atomic.Uint64
	quarantined atomic.Uint64
	inFlight    atomic.Int64
	inHand      atomic.Int64
	dropped     [event.ReasonCount]atomic.Uint64
	later       [event.ReasonCount]atomic.Uint64
	refused     [event.ReasonCount]atomic.Uint64
}

// Receive counts n events that were decoded out of requests; their life begins.
func (f *Fates) Receive(n int) { f.begin(&f.received, n) }

// Hold notes n events as in hand of requests that are not answered, or with a negative n
// as such no more. Of what is in flight the others wait on disk: whoever counts both
// sees an event that is in no place, or in two, which the sum above cannot tell.
func (f *Fates) Hold(n int) { f.inHand.Add(int64(n)) }

// Recover counts n events that an earlier process left in the spool.
func (f *Fates) Recover(n int) { f.begin(&f.recovered, n) }

// Store counts n events that are in ClickHouse.
func (f *Fates) Store(n int) { f.end(&f.stored, n) }

// Duplicate counts n events whose messageId was there already.
func (f *Fates) Duplicate(n int) { f.end(&f.duplicate, n) }

// Quarantine counts n events that ClickHouse refuses for their content.
func (f *Fates) Quarantine(n int) { f.end(&f.quarantined, n) }

// Drop counts n events that were not stored, and answered so.
func (f *Fates) Drop(r event.Reason, n int) { f.end(&f.dropped[r], n) }

// DropLater counts n accepted events that a later withdrawal or erasure stopped.
func (f *Fates) DropLater(r event.Reason, n int) { f.end(&f.later[r], n) }

// Refuse counts n events that were answered with an error.
func (f *Fates) Refuse(r event.Reason, n int) { f.end(&f.refused[r], n) }

func (f *Fates) begin(counter *atomic.Uint64, n int) {
	if n <= 0 {
		return
	}
	f.gate.RLock()
	counter.Add(uint64(n))
	f.inFlight.Add(int64(n))
	f.gate.RUnlock()
}

func (f *Fates) end(counter *atomic.Uint64, n int) {
	if n <= 0 {
		return
	}
	f.gate.RLock()
	counter.Add(uint64(n))
	f.inFlight.Add(-int64(n))
	f.gate.RUnlock()
}

// Snapshot is all counters at one moment.
type Snapshot struct {
	Received, Recovered, Stored, Duplicate, Quarantined uint64
	InFlight, InHand                                    int64
	Dropped, DroppedLater, Refused                      [event.ReasonCount]uint64
}

// Snapshot returns all counters at one moment.
func (f *Fates) Snapshot() Snapshot {
	f.gate.Lock()
	defer f.gate.Unlock()
	s := Snapshot{
		Received:    f.received.Load(),
		Recovered:   f.recovered.Load(),
		Stored:      f.stored.Load(),
		Duplicate:   f.duplicate.Load(),
		Quarantined: f.quarantined.Load(),
		InFlight:    f.inFlight.Load(),
		InHand:      f.inHand.Load(),
	}
	for r := range event.ReasonCount {
		s.Dropped[r] = f.dropped[r].Load()
		s.DroppedLater[r] = f.later[r].Load()
		s.Refused[r] = f.refused[r].Load()
	}
	return s
}

// Balance returns the two sides of I5; they are equal at every moment.
func (s *Snapshot) Balance() (begun, fated int64) {
	fated = int64(s.Stored+s.Duplicate+s.Quarantined) + s.InFlight
	for r := range event.ReasonCount {
		fated += int64(s.Dropped[r] + s.DroppedLater[r] + s.Refused[r])
	}
	return int64(s.Received + s.Recovered), fated
}

var (
	descReceived    = desc("received_total", "Events decoded out of requests.")
	descRecovered   = desc("recovered_total", "Events that an earlier process left in the spool.")
	descStored      = desc("stored_total", "Events that are in ClickHouse.")
	descDuplicate   = desc("duplicate_total", "Events whose messageId was stored already.")
	descQuarantined = desc("quarantined_total", "Events that ClickHouse refuses for their content.")
	descInFlight    = desc("in_flight", "Events received or recovered that have not met their fate yet.")
	descInHand      = desc("in_hand", "Events of requests that are not answered yet.")
	descDropped     = desc("dropped_total", "Events not stored, and answered so, by reason.", "reason")
	descLater       = desc("dropped_later_total", "Accepted events stopped by a later withdrawal or erasure, by reason.", "reason")
	descRefused     = desc("refused_total", "Events answered with an error, by reason.", "reason")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zgoda_events_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (f *Fates) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, ch) }

// Collect implements prometheus.Collector: all counters of one moment.
func (f *Fates) Collect(ch chan<- prometheus.Metric) {
	s := f.Snapshot()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	counter(descReceived, s.Received)
	counter(descRecovered, s.Recovered)
	counter(descStored, s.Stored)
	counter(descDuplicate, s.Duplicate)
	counter(descQuarantined, s.Quarantined)
	ch <- prometheus.MustNewConstMetric(descInFlight, prometheus.GaugeValue, float64(s.InFlight))
	ch <- prometheus.MustNewConstMetric(descInHand, prometheus.GaugeValue, float64(s.InHand))
	for r := event.ReasonNone + 1; int(r) < event.ReasonCount; r++ {
		counter(descDropped, s.Dropped[r], r.String())
		counter(descLater, s.DroppedLater[r], r.String())
		counter(descRefused, s.Refused[r], r.String())
	}
}
