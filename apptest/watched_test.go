package apptest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/prometheus"
	"zgoda/dashboards"
	"zgoda/dashboards/rules"
	"zgoda/telemetry/catalogue"
)

// withKeyholderMetrics is a stack whose keyholder shows its metrics too, at the
// address that is returned, with more of its configuration.
func withKeyholderMetrics(t *testing.T, more string) (*stack, string) {
	t.Helper()
	address := freeAddress(t)
	path := filepath.Join(t.TempDir(), "zgoda.yaml")
	if err := os.WriteFile(path, []byte("keyholder: {metrics: \""+address+"\"}\n"+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return up(t, "--config", path), address
}

// from is the path of a file of the project.
func from(t *testing.T, path string) string {
	t.Helper()
	whole, err := filepath.Abs(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// watch starts a Prometheus that asks a keyholder and gateways each second and goes
// by the rules that are shipped.
func watch(t *testing.T, keyholder string, gateways ...*stack) *prometheus.Server {
	t.Helper()
	targets := []prometheus.Target{{Job: "zgoda-keyholder", Address: keyholder}}
	for _, g := range gateways {
		targets = append(targets, prometheus.Target{Job: "zgoda", Address: host(t, g.ops)})
	}
	return prometheus.Start(t, prometheus.Config{
		Targets: targets, Every: time.Second,
		Rules: []string{from(t, "dashboards/prometheus/zgoda-slo.yml"), from(t, "dashboards/prometheus/zgoda-alerts.yml")},
	})
}

// question is something that a panel, a rule or an alert asks Prometheus.
type question struct {
	who, expr string
	empty     string // why there may be no answer; empty: there must be one
}

// questions are all of them: the queries of every panel, what every recording rule
// records, and every series that an alert reads. What an alert says itself has no
// value while all is well.
func questions() []question {
	var all []question
	for _, d := range dashboards.All() {
		for _, p := range d.Panels() {
			for _, q := range p.Queries {
				all = append(all, question{d.UID + ", " + p.Title + ", " + q.Legend, dashboards.Expand(q.Expr, ".*", "1m"), p.Empty})
			}
		}
	}
	for _, r := range rules.Recordings() {
		recorded := fmt.Sprintf("%s%v", r.Record, r.Labels)
		all = append(all, question{recorded, r.Expr, r.Empty}, question{recorded + ", recorded", selector(r), r.Empty})
	}
	for _, a := range rules.Alerts() {
		for _, s := range rules.Selectors(a.Expr) {
			all = append(all, question{a.Name, s, a.Empty})
		}
	}
	return all
}

// selector is what a rule recorded.
func selector(r rules.Recording) string {
	var matchers []string
	for name, value := range r.Labels {
		matchers = append(matchers, fmt.Sprintf("%s=%q", name, value))
	}
	return r.Record + "{" + strings.Join(matchers, ",") + "}"
}

// unanswered are the questions to which Prometheus has no number; answered notes the
// others.
func unanswered(t *testing.T, p *prometheus.Server, asked []question, answered map[question]bool) []question {
	t.Helper()
	var left []question
	for _, q := range asked {
		got, err := p.Query(t.Context(), q.expr)
		if err != nil {
			t.Fatalf("%s: %v", q.who, err)
		}
		some := false
		for _, s := range got {
			some = some || !math.IsNaN(s.Value)
		}
		if answered[q] = answered[q] || some; !some {
			left = append(left, q)
		}
	}
	return left
}

// answers waits until Prometheus has an answer to every question that must have one,
// and to as many of the others as must says, and fails naming those without.
func answers(t *testing.T, p *prometheus.Server, asked []question, must func(question) bool, answered map[question]bool) {
	t.Helper()
	left, began := asked, time.Now()
	for deadline := time.Now().Add(90 * time.Second); ; pause(t, 500*time.Millisecond) {
		left = unanswered(t, p, left, answered)
		missing := 0
		for _, q := range left {
			if must(q) {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			for _, q := range left {
				if must(q) {
					t.Errorf("no data for %s (%q): %s", q.who, q.empty, q.expr)
				}
			}
			break
		}
	}
	t.Logf("%d of %d questions have data, after %v", len(asked)-len(left), len(asked), time.Since(began).Round(time.Second))
	for _, q := range left {
		t.Logf("without data: %s: %s", q.who, q.empty)
	}
}

// scraped waits until both processes are, in the form of OpenMetrics: it writes edges
// of buckets so.
func scraped(t *testing.T, p *prometheus.Server) {
	t.Helper()
	for job, name := range map[string]string{"zgoda": "zgoda_withdrawal_to_enforced_seconds", "zgoda-keyholder": "zgoda_keyholder_batch_rows"} {
		expr := fmt.Sprintf(`%s_bucket{job=%q,le="1.0"} and on (instance) up{job=%[2]q} == 1`, name, job)
		eventually(t, 30*time.Second, expr, func() bool {
			got, err := p.Query(t.Context(), expr)
			if err != nil {
				t.Fatal(err)
			}
			return len(got) > 0
		})
	}
}

// TestEveryQueryHasData: Debian's Prometheus scrapes both processes of a running
// system under load, and every query of every panel, every recording rule and every
// series that an alert reads parses and has data. What may have none on a healthy
// system says why, and has data where the reason is taken away: in a system of two
// gateways in which everything that can be asked for is set and has happened. No
// alert fires in the first, which is healthy.
func TestEveryQueryHasData(t *testing.T) {
	t.Parallel()
	asked, answered := questions(), map[question]bool{}
	t.Run("as it is installed", func(t *testing.T) {
		s, keyholder := withKeyholderMetrics(t, "")
		p := watch(t, keyholder, s)
		startLoad(t, host(t, s.public), mix{clients: 4, pause: 40 * time.Millisecond})
		scraped(t, p)
		answers(t, p, asked, func(q question) bool { return q.empty == "" }, answered)
		quiet(t, p)
	})
	t.Run("with everything", func(t *testing.T) {
		w := startWhole(t)
		p := watch(t, w.metrics, w.a, w.b)
		scraped(t, p)
		w.happens(t)
		left := []question{{who: "the clock of a control store that is a server", expr: `zgoda_clock_skew_seconds{peer="control"}`}}
		for _, q := range asked {
			if q.empty != "" && !answered[q] {
				left = append(left, q)
			}
		}
		answers(t, p, left, func(question) bool { return true }, answered)
	})
}

// quiet: no alert fires, but one about the machine that the test runs on.
func quiet(t *testing.T, p *prometheus.Server) {
	t.Helper()
	for _, a := range firing(t, p) {
		if a.Name != aboutMachine {
			t.Errorf("%s fires: %v", a.Name, a.Labels)
		}
	}
}

// aboutMachine is the alert that a small disk of whoever runs the test makes fire.
const aboutMachine = "ZgodaDiskLow"

func firing(t *testing.T, p *prometheus.Server) []prometheus.Firing {
	t.Helper()
	all, err := p.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var now []prometheus.Firing
	for _, a := range all {
		if a.State == "firing" {
			now = append(now, a)
		}
	}
	return now
}

// TestNativeHistograms: a Prometheus that takes native histograms has that form of
// each histogram that the catalogue says has one, and quantiles of it.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	s, keyholder := withKeyholderMetrics(t, "")
	p := prometheus.Start(t, prometheus.Config{Native: true, Every: time.Second, Targets: []prometheus.Target{
		{Job: "zgoda-keyholder", Address: keyholder}, {Job: "zgoda", Address: host(t, s.ops)},
	}})
	startLoad(t, host(t, s.public), mix{clients: 2, pause: 40 * time.Millisecond})
	s.contact(t, "user_id:somebody") // asks the console
	var asked []question
	for _, m := range catalogue.All() {
		if m.Native && m.When == "" {
			asked = append(asked, question{who: m.Name, expr: "histogram_count(" + m.Name + ")"})
		}
	}
	if len(asked) == 0 {
		t.Fatal("no histogram has a native form")
	}
	asked = append(asked, question{who: "a quantile", expr: "histogram_quantile(0.99, sum(rate(zgoda_gateway_request_seconds[1m]))) > 0"})
	answers(t, p, asked, func(question) bool { return true }, map[question]bool{})
}
