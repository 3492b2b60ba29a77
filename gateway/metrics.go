package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
)

// classes are the labels of an answer, by the hundreds of its status.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// metrics are counted without a lookup by label: every series is made at start.
type metrics struct {
	requests [endpointCount][len(classes)]prometheus.Counter
	seconds  [endpointCount]prometheus.Observer
	broken   [brokenCount]prometheus.Counter
	panics   prometheus.Counter
	busy     prometheus.Gauge
}

// broken says what was wrong with a request that never became one.
type broken uint8

const (
	brokenSyntax broken = iota
	brokenHeader
	brokenBody
	brokenSlow
	brokenCount
)

var brokenNames = [...]string{"syntax", "header_too_large", "body_too_large", "too_slow"}

func newMetrics(reg prometheus.Registerer, limit int, open func() int32) *metrics {
	m := &metrics{
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_gateway_panics_total", Help: "Requests whose handling failed by a fault of ours.",
		}),
		busy: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zgoda_gateway_requests_in_flight", Help: "Requests being handled.",
		}),
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_gateway_requests_total", Help: "Requests answered, by route and class of status.",
	}, []string{"route", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "zgoda_gateway_request_seconds", Help: "Time from a whole request to its answer, by route.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"route"})
	unread := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_gateway_unreadable_requests_total", Help: "Requests that could not be read, by what was wrong.",
	}, []string{"fault"})
	reg.MustRegister(requests, seconds, unread, m.panics, m.busy,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_connections", Help: "Open connections.",
		}, func() float64 { return float64(max(0, open())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_connections_limit", Help: "Connections that may be open at once.",
		}, func() float64 { return float64(limit) }))
	for e := range m.requests {
		for c := range classes {
			m.requests[e][c] = requests.WithLabelValues(endpoint(e).String(), classes[c])
		}
		m.seconds[e] = seconds.WithLabelValues(endpoint(e).String())
	}
	for b := range m.broken {
		m.broken[b] = unread.WithLabelValues(brokenNames[b])
	}
	return m
}

func (m *metrics) answered(e endpoint, status int, seconds float64) {
	class := status / 100
	if class < 1 || class >= len(classes) {
		class = 0
	}
	m.requests[e][class].Inc()
	m.seconds[e].Observe(seconds)
}
