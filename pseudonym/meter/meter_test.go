package meter

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
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
