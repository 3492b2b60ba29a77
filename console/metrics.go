package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/telemetry/scale"
)

// metrics count requests by route and class of answer; both labels are closed sets.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	running  prometheus.Gauge
}

func newMetrics() *metrics {
	return &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_console_requests_total",
			Help: "Requests to the console by operation and class of answer.",
		}, []string{"operation", "class"}),
		seconds: prometheus.NewHistogramVec(scale.Seconds(
			"zgoda_console_request_seconds", "Time to answer a request to the console.",
			.001, .005, .025, .1, .5, 2.5, 10, 60,
		), []string{"operation"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zgoda_console_requests_running",
			Help: "Requests to the console that are being answered now.",
		}),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.requests), r.Register(m.seconds), r.Register(m.running))
}

// expect has an operation's failures there with 0, so that their rise is seen.
func (m *metrics) expect(operation string) {
	m.requests.WithLabelValues(operation, class(http.StatusInternalServerError))
}

func (m *metrics) observe(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, class(status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

func class(status int) string {
	switch {
	case status < 300:
		return "2xx"
	case status < 400:
		return "3xx"
	case status < 500:
		return "4xx"
	default:
		return "5xx"
	}
}
