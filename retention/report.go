package retention

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
)

// RunReport is what a run did and found. It names nobody.
type RunReport struct {
	At time.Time `json:"at"`
	// Past are rows that are still there a day after their end, by site.
	Past map[event.SiteID]Past `json:"rows_past"`
	// Idle are contacts that were not seen for too long, of whom Opened are being
	// erased and Kept are not, by why: restricted, request, agreement. More says that
	// there may be others, for the next run.
	Idle   int            `json:"idle_contacts"`
	Opened int            `json:"opened"`
	Kept   map[string]int `json:"kept,omitempty"`
	More   bool           `json:"more,omitempty"`
	Stamps []Stamped      `json:"stamps,omitempty"`
	// Unmarked are rows, by site, that purposes were taken from whose own time was over.
	Unmarked map[event.SiteID]uint64 `json:"rows_unmarked,omitempty"`
	Failed   []string                `json:"failed,omitempty"`
}

// Past are rows past their end.
type Past struct {
	Rows   uint64    `json:"rows"`
	Oldest time.Time `json:"oldest"` // the earliest end
}

// Stamped is a purpose whose rows were given another end.
type Stamped struct {
	Site     event.SiteID    `json:"site"`
	Purpose  event.PurposeID `json:"purpose"`
	From     string          `json:"from,omitempty"` // empty: not known
	To       string          `json:"to"`
	Mutation string          `json:"mutation,omitempty"` // empty: no row was to be changed
}

// Whole says that nothing failed.
func (r *RunReport) Whole() bool { return len(r.Failed) == 0 }

func (r *RunReport) fail(what string, err error) {
	r.Failed = append(r.Failed, what+": "+err.Error())
}

type metrics struct {
	past   *prometheus.GaugeVec
	last   prometheus.Gauge
	failed prometheus.Gauge
}

func newMetrics() *metrics {
	return &metrics{
		past: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "zgoda_retention_past", Help: "What was past its time at the last run and still there: rows, contacts.",
		}, []string{"what"}),
		last:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_retention_run_timestamp_seconds", Help: "When the last run was; 0: none was."}),
		failed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zgoda_retention_run_failures", Help: "Parts of the last run that failed."}),
	}
}

func (m *metrics) register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.past, m.last, m.failed} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register the metrics of retention: %w", err)
		}
	}
	return nil
}

func (m *metrics) show(r *RunReport) {
	rows := uint64(0)
	for _, p := range r.Past {
		rows += p.Rows
	}
	m.past.WithLabelValues("rows").Set(float64(rows))
	m.past.WithLabelValues("contacts").Set(float64(r.Idle - r.Opened))
	m.last.Set(float64(r.At.Unix()))
	m.failed.Set(float64(len(r.Failed)))
}
