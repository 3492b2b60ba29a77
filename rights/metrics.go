package rights

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
)

// metrics are about all requests of the store, as they were counted last. Nodes
// that share a store tell the same.
type metrics struct {
	open, deadline, overdue, states *prometheus.GaugeVec
	queue, oldest, late             prometheus.Gauge
}

// ages are the classes of control.RequestCount.Ages.
var ages = [4]string{"week", "fortnight", "month", "older"}

func newMetrics() *metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		open:     gauge("zgoda_requests_open", "Open requests of data subjects by right and by how long ago they were received: week, fortnight, month (31 days), older.", "right", "age"),
		deadline: gauge("zgoda_requests_deadline_days", "Days to the nearest deadline of an open request whose clock runs; negative when it is over.", "right"),
		overdue:  gauge("zgoda_requests_overdue", "Open requests whose deadline is over.", "right"),
		states:   gauge("zgoda_requests", "Requests of data subjects by right and state.", "right", "state"),
		queue:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_erasure_queue", Help: "Erasures under way."}),
		late:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_erasure_late", Help: "Erasures whose rows are there for longer than rights.limit after they were accepted."}),
		oldest:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_erasure_oldest_seconds", Help: "Since when the oldest erasure under way was received; 0 when there is none."}),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.open, m.deadline, m.overdue, m.states, m.queue, m.oldest, m.late} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the metrics of requests: %w", err)
		}
	}
	return nil
}

// count counts anew; what could not be counted stays as it was.
func (m *metrics) count(ctx context.Context, s *Service) {
	now := s.now()
	counts, err := s.deps.Store.CountRequests(ctx, now)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("requests were not counted", "error", err)
		}
		return
	}
	steps, err := s.deps.Store.Queue(ctx)
	if err != nil {
		return
	}
	late, err := s.Late(ctx)
	if err != nil {
		return
	}
	m.late.Set(float64(late))
	m.set(counts, now)
	var queue int64
	var oldest time.Time
	for _, q := range steps {
		queue += q.Count
		if oldest.IsZero() || q.Oldest.Before(oldest) {
			oldest = q.Oldest
		}
	}
	m.queue.Set(float64(queue))
	m.oldest.Set(0)
	if queue > 0 {
		m.oldest.Set(now.Sub(oldest).Seconds())
	}
}

// requestKind is what requests are counted by.
type requestKind struct {
	right control.Right
	state control.RequestState
}

// set tells of every right and state, so that an alert finds its zero. Nothing is
// taken away before it is told anew: a scrape may come in between.
func (m *metrics) set(counts []control.RequestCount, now time.Time) {
	open, states, overdue, nearest := map[control.Right]*[4]int64{}, map[requestKind]int64{}, map[control.Right]int64{}, map[control.Right]time.Time{}
	for _, right := range Rights {
		open[right] = &[4]int64{}
	}
	for i := range counts {
		c := &counts[i]
		states[requestKind{c.Right, c.State}] += c.Count
		if !c.Open || open[c.Right] == nil {
			continue
		}
		for age, n := range c.Ages {
			open[c.Right][age] += n
		}
		overdue[c.Right] += c.Overdue
		if at, there := nearest[c.Right]; !c.Nearest.IsZero() && (!there || c.Nearest.Before(at)) {
			nearest[c.Right] = c.Nearest
		}
	}
	for _, right := range Rights {
		for age, n := range open[right] {
			m.open.WithLabelValues(string(right), ages[age]).Set(float64(n))
		}
		for _, state := range control.RequestStates {
			m.states.WithLabelValues(string(right), string(state)).Set(float64(states[requestKind{right, state}]))
		}
		m.overdue.WithLabelValues(string(right)).Set(float64(overdue[right]))
		if at, there := nearest[right]; there {
			m.deadline.WithLabelValues(string(right)).Set(at.Sub(now).Hours() / 24)
		} else {
			m.deadline.DeleteLabelValues(string(right)) // no number stands for none
		}
	}
}
