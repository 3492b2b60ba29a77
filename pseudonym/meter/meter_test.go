package meter

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func text(t *testing.T, s *Set) string {
	t.Helper()
	var b strings.Builder
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextForm(t *testing.T) {
	var s Set
	refused := s.Counter("zgoda_refused_total", "Refused.", "role", "why")
	s.Counter("zgoda_b_total", "Nothing yet.")
	s.Gauge("zgoda_contacts", "Contacts.", func() float64 { return 10e6 })
	s.Gauges("zgoda_age_seconds", "Age.", "key", func(yield func(string, float64)) { yield("slot", 0.5); yield("gate", 2) })
	refused.Add(2, "rights", "replay")
	refused.Add(1, "rights", "replay")
	refused.Add(1, "none", "a \"b\"\\\n")
	want := `# HELP zgoda_age_seconds Age.
# TYPE zgoda_age_seconds gauge
zgoda_age_seconds{key="gate"} 2
zgoda_age_seconds{key="slot"} 0.5
# HELP zgoda_b_total Nothing yet.
# TYPE zgoda_b_total counter
zgoda_b_total 0
# HELP zgoda_contacts Contacts.
# TYPE zgoda_contacts gauge
zgoda_contacts 1e+07
# HELP zgoda_refused_total Refused.
# TYPE zgoda_refused_total counter
zgoda_refused_total{role="none",why="a \"b\"\\\n"} 1
zgoda_refused_total{role="rights",why="replay"} 3
`
	if got := text(t, &s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestServe(t *testing.T) {
	var s Set
	s.Counter("zgoda_a_total", "A.")
	get := httptest.NewRecorder()
	s.ServeHTTP(get, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if get.Code != http.StatusOK || !strings.Contains(get.Body.String(), "zgoda_a_total 0\n") {
		t.Errorf("GET: %d %s", get.Code, get.Body)
	}
	post := httptest.NewRecorder()
	s.ServeHTTP(post, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if post.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", post.Code)
	}
}

func TestCountConcurrently(t *testing.T) {
	var s Set
	c := s.Counter("zgoda_a_total", "A.", "role")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				c.Add(1, "rights")
			}
			_ = text(t, &s)
		})
	}
	all.Wait()
	if !strings.Contains(text(t, &s), `{role="rights"} 8000`) {
		t.Error(text(t, &s))
	}
}

func openText(t *testing.T, s *Set) string {
	t.Helper()
	var b strings.Builder
	if _, err := s.WriteOpenMetrics(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBothForms(t *testing.T) {
	var s Set
	s.Counter("zgoda_calls_total", "Calls.").Add(3)
	h := s.Histogram("zgoda_a_seconds", "Times.", []float64{.5, 1, 10}, "role", "act")
	at := h.At("rights", "find")
	for _, v := range []float64{.25, .5, 1, 2, 64} {
		at.Observe(v)
	}
	h.At("gate", "find")
	s.Info("zgoda_build_info", "One.", "version", "v1", "goversion", "go2")
	want := `# HELP zgoda_a_seconds Times.
# TYPE zgoda_a_seconds histogram
zgoda_a_seconds_bucket{role="gate",act="find",le="0.5"} 0
zgoda_a_seconds_bucket{role="gate",act="find",le="1"} 0
zgoda_a_seconds_bucket{role="gate",act="find",le="10"} 0
zgoda_a_seconds_bucket{role="gate",act="find",le="+Inf"} 0
zgoda_a_seconds_sum{role="gate",act="find"} 0
zgoda_a_seconds_count{role="gate",act="find"} 0
zgoda_a_seconds_bucket{role="rights",act="find",le="0.5"} 2
zgoda_a_seconds_bucket{role="rights",act="find",le="1"} 3
zgoda_a_seconds_bucket{role="rights",act="find",le="10"} 4
zgoda_a_seconds_bucket{role="rights",act="find",le="+Inf"} 5
zgoda_a_seconds_sum{role="rights",act="find"} 67.75
zgoda_a_seconds_count{role="rights",act="find"} 5
# HELP zgoda_build_info One.
# TYPE zgoda_build_info gauge
zgoda_build_info{version="v1",goversion="go2"} 1
# HELP zgoda_calls_total Calls.
# TYPE zgoda_calls_total counter
zgoda_calls_total 3
`
	if got := text(t, &s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	open := strings.NewReplacer(
		`le="1"`, `le="1.0"`, `le="10"`, `le="10.0"`,
		"# HELP zgoda_calls_total", "# HELP zgoda_calls", "# TYPE zgoda_calls_total", "# TYPE zgoda_calls",
	).Replace(want) + "# EOF\n"
	if got := openText(t, &s); got != open {
		t.Errorf("got\n%s\nwant\n%s", got, open)
	}
}

func TestHistogramWithoutLabels(t *testing.T) {
	var s Set
	h := s.Histogram("zgoda_rows", "Rows.", []float64{1})
	if !strings.Contains(text(t, &s), "zgoda_rows_bucket{le=\"+Inf\"} 0\n") {
		t.Error(text(t, &s))
	}
	at := h.At()
	if n := testing.AllocsPerRun(1000, func() { at.Observe(.1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestObserveConcurrently(t *testing.T) {
	var s Set
	at := s.Histogram("zgoda_rows", "Rows.", []float64{1, 2}).At()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 999 {
				at.Observe(float64(i % 3))
			}
			_ = text(t, &s)
		})
	}
	all.Wait()
	for _, want := range []string{`le="1"} 5328`, `le="2"} 7992`, "zgoda_rows_sum 7992", "zgoda_rows_count 7992"} {
		if !strings.Contains(text(t, &s), want+"\n") {
			t.Errorf("no %s in\n%s", want, text(t, &s))
		}
	}
}

func TestServesTheFormThatIsAskedFor(t *testing.T) {
	var s Set
	s.Counter("zgoda_a_total", "A.")
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4; charset=utf-8",
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1": "application/openmetrics-text; version=1.0.0; charset=utf-8",
		"text/html": "text/plain; version=0.0.4; charset=utf-8",
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%q: %q", accept, got)
		}
		if eof := strings.HasSuffix(w.Body.String(), "# EOF\n"); eof != strings.Contains(want, "openmetrics") {
			t.Errorf("%q: %s", accept, w.Body)
		}
	}
}

func TestProcess(t *testing.T) {
	var s Set
	s.Process()
	values := map[string]float64{}
	for line := range strings.Lines(text(t, &s)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			values[name] = n
		}
	}
	since := float64(time.Now().Unix()) - values["process_start_time_seconds"]
	if len(values) != 7 || since < -1 || since > 60 {
		t.Errorf("%v", values)
	}
	for name, least := range map[string]float64{
		"process_cpu_seconds_total": 0.0001, "process_resident_memory_bytes": 1 << 20, "process_virtual_memory_bytes": 1 << 20,
		"process_open_fds": 3, "process_max_fds": 16, "go_goroutines": 2,
	} {
		if values[name] < least {
			t.Errorf("%s is %v", name, values[name])
		}
	}
}
