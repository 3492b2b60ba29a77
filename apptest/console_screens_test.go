package apptest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/browser"
	"zgoda/apptest/prometheus"
	"zgoda/dashboards"
)

// screens is the overview as Debian's Prometheus shows it, in a browser.
type screens struct {
	b      *browser.Browser
	p      *prometheus.Server
	page   string
	folder string // where the pictures are left
	kept   bool
}

// TestConsoleShowsWhatIs: Debian's Prometheus alone shows the overview of a running
// system, at rest, under load and while ClickHouse hangs: every panel has its data,
// wide and narrow, light and dark, and axe-core finds nothing. ZGODA_SHOTS names a
// folder that keeps the pictures; the last one then waits for its alert.
func TestConsoleShowsWhatIs(t *testing.T) {
	t.Parallel()
	s, keyholder := withKeyholderMetrics(t, "")
	c := screens{folder: os.Getenv("ZGODA_SHOTS"), kept: os.Getenv("ZGODA_SHOTS") != ""}
	if !c.kept {
		c.folder = t.TempDir()
	}
	c.p = prometheus.Start(t, prometheus.Config{
		Targets:  []prometheus.Target{{Job: "zgoda", Address: host(t, s.ops)}, {Job: "zgoda-keyholder", Address: keyholder}},
		Rules:    []string{from(t, "dashboards/prometheus/zgoda-slo.yml"), from(t, "dashboards/prometheus/zgoda-alerts.yml")},
		Consoles: from(t, "dashboards/consoles"), Libraries: from(t, "dashboards/console_libraries"),
		Every: time.Second,
	})
	c.b = browser.Start(t)
	c.page = c.p.URL() + "/consoles/zgoda-overview.html?span=5m"

	c.until(t, `count(zgoda:limit:ratio) and on () zgoda_ready == 1`)
	c.look(t, "rest")
	if got := c.b.Text("#live-ready .value"); got != "yes" {
		t.Errorf("ready is %q", got)
	}

	startLoad(t, host(t, s.public), mix{clients: 4, pause: 40 * time.Millisecond})
	c.until(t, `sum(rate(zgoda_writer_rows_total[1m])) > 1 and on () zgoda:slo_budget_left:ratio3d{slo="accepted"}`)
	c.look(t, "load")
	c.whole(t)

	pid := s.child("zgoda-clickhouse")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) }) // so that it can end
	eventually(t, 90*time.Second, "the page saying by itself that events wait", func() bool {
		return strings.HasSuffix(c.b.Text("#live-oldest-not-stored"), "watch")
	})
	if c.kept {
		c.until(t, `ALERTS{alertname="ZgodaClickHouseAway",alertstate="firing"}`)
		c.look(t, "clickhouse-away")
	}
	c.stays(t)
}

// until waits until Prometheus has an answer.
func (c *screens) until(t *testing.T, expr string) {
	t.Helper()
	poll(t, 250*time.Millisecond, 3*time.Minute, expr, func() bool {
		got, err := c.p.Query(t.Context(), expr)
		if err != nil {
			t.Fatal(err)
		}
		return len(got) > 0
	})
}

// look opens the page wide and narrow, light and dark, and takes a picture of all
// of it. Nothing sticks out to the side, and axe-core finds nothing.
func (c *screens) look(t *testing.T, when string) {
	t.Helper()
	for _, l := range []struct {
		name  string
		width int64
		dark  bool
	}{{"phone-light", 390, false}, {"phone-dark", 390, true}, {"desktop-dark", 1400, true}, {"desktop-light", 1400, false}} {
		c.b.Look(l.width, 900, l.dark)
		c.b.Open(c.page)
		c.drawn(1)
		high := browser.Eval[int64](c.b, `document.documentElement.scrollHeight`)
		c.b.Look(l.width, high, l.dark)
		if wide := browser.Eval[int64](c.b, `document.documentElement.scrollWidth`); wide > l.width {
			t.Errorf("%s, %s: the page is %d wide in a window of %d", when, l.name, wide, l.width)
		}
		for _, v := range c.b.Axe() {
			t.Errorf("%s, %s: axe-core finds %+v", when, l.name, v)
		}
		c.b.Screenshot(filepath.Join(c.folder, when+"-"+l.name+".png"))
	}
}

// drawn waits until all lines have been drawn so often.
func (c *screens) drawn(times int) {
	c.b.Wait(fmt.Sprintf(`Number(document.querySelector('main').dataset.drawn) >= %d`, times))
}

// whole looks for the data of each panel: numbers, bars and tables that Prometheus
// filled in, and lines that the script drew. A panel that may be empty says why.
func (c *screens) whole(t *testing.T) {
	t.Helper()
	for _, p := range dashboards.Overview().Panels() {
		body := browser.Eval[string](c.b, fmt.Sprintf(`(() => {
			const h = [...document.querySelectorAll('h3')].find(h => h.textContent === %q);
			const box = h && h.parentElement.querySelector('.live, .graph');
			return box ? box.innerHTML : '';
		})()`, p.Title))
		mark := map[dashboards.Kind]string{dashboards.Stat: `class="value"`, dashboards.Bars: `class="bar"`, dashboards.Table: "<td>", dashboards.Graph: `class="series"`}[p.Kind]
		empty := p.Empty != "" && strings.Contains(body, "Nothing to show: "+p.Empty)
		if !strings.Contains(body, mark) && !empty {
			t.Errorf("%s shows no data: %s", p.Title, body)
		}
		if strings.Contains(body, "NaN") || strings.Contains(body, "Prometheus says") {
			t.Errorf("%s shows %s", p.Title, body)
		}
	}
}

// stays: the page asked nobody but its Prometheus.
func (c *screens) stays(t *testing.T) {
	t.Helper()
	home, err := url.Parse(c.p.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.b.Requests() {
		u, err := url.Parse(r.URL)
		if err != nil || (u.Scheme != "about" && u.Host != home.Host) || r.Method != "GET" {
			t.Errorf("the page asked %s %s", r.Method, r.URL)
		}
	}
}
