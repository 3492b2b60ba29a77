package gateway

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/telemetry/scale"
)

// classes are the labels of an answer, by the hundreds of its status.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// metrics are counted without a lookup by label: every series is made at start.
type metrics struct {
	requests [endpointCount][len(classes)]prometheus.Counter
	seconds  [endpointCount]prometheus.Observer
	broken   [brokenCount]prometheus.Counter
	panics   prometheus.Counter
	busy     atomic.Int64       // each request changes it twice, from all processors: a gauge of floats costs more
	crowded  prometheus.Counter // connections
	hasty    prometheus.Counter // choices
}

// levels are what the gauges show.
type levels struct {
	connections  func() int32
	bodies       *budget
	connectLimit int
}

// broken says what was wrong with a request that never became one.
type broken uint8

const (
	brokenSyntax broken = iota
	brokenHeader
	brokenBody
	brokenSlow
	brokenPacked
	brokenMemory
	brokenCount
)

var brokenNames = [...]string{"syntax", "header_too_large", "body_too_large", "too_slow", "not_decompressed", "no_memory"}

func newMetrics(reg prometheus.Registerer, now levels) *metrics {
	m := &metrics{
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zgoda_gateway_panics_total", Help: "Requests whose handling failed by a fault of ours.",
		}),
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_gateway_requests_total", Help: "Requests answered, by route and class of status.",
	}, []string{"route", "status"})
	seconds := prometheus.NewHistogramVec(scale.Seconds("zgoda_gateway_request_seconds",
		"Time from a whole request to its answer, by route."), []string{"route"})
	unread := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_gateway_unreadable_requests_total", Help: "Requests that could not be read, by what was wrong.",
	}, []string{"fault"})
	limited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_gateway_limited_total", Help: "What one address was refused, by the limit that it had reached.",
	}, []string{"limit"})
	m.crowded, m.hasty = limited.WithLabelValues("connections"), limited.WithLabelValues("choices")
	reg.MustRegister(requests, seconds, unread, limited, m.panics,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_requests_in_flight", Help: "Requests being handled.",
		}, func() float64 { return float64(m.busy.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_body_bytes", Help: "Memory that bodies of requests in flight hold, beyond the first 8 KiB of each.",
		}, func() float64 { return float64(now.bodies.held.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_body_bytes_limit", Help: "Memory that bodies of requests in flight may hold.",
		}, func() float64 { return float64(now.bodies.limit) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_connections", Help: "Open connections.",
		}, func() float64 { return float64(max(0, now.connections())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_gateway_connections_limit", Help: "Connections that may be open at once.",
		}, func() float64 { return float64(now.connectLimit) }))
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

// begun counts a request that is being handled until it is answered.
func (m *metrics) begun() { m.busy.Add(1) }

// answered counts an answer to a request that began then.
func (m *metrics) answered(e endpoint, status int, began time.Time) {
	m.busy.Add(-1)
	class := status / 100
	if class < 1 || class >= len(classes) {
		class = 0
	}
	m.requests[e][class].Inc()
	m.seconds[e].Observe(time.Since(began).Seconds())
}
