package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServer: a process is scraped, a rule evaluated, and faults are told.
func TestServer(t *testing.T) {
	told := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "# TYPE fish gauge\nfish{pond=\"big\"} 3\n")
	}))
	t.Cleanup(told.Close)
	rules := filepath.Join(t.TempDir(), "rules.yml")
	text := "groups: [{name: g, rules: [{alert: Fish, expr: fish > 2, labels: {severity: warning}}]}]\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Start(t, Config{
		Targets: []Target{{"pond", strings.TrimPrefix(told.URL, "http://")}, {"gone", "127.0.0.1:1"}},
		Rules:   []string{rules}, Every: 200 * time.Millisecond,
	})
	for deadline := time.Now().Add(time.Minute); ; <-time.After(50 * time.Millisecond) {
		alerts, err := s.Alerts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		up, err := s.Up(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts) == 1 && up["pond"] == "" && strings.Contains(up["gone"], "refused") {
			if a := alerts[0]; a.Name != "Fish" || a.State != "firing" || a.Severity != "warning" || a.Labels["pond"] != "big" || a.Since.IsZero() {
				t.Errorf("the alert is %+v", a)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("alerts %v, targets %v", alerts, up)
		}
	}
	got, err := s.Query(t.Context(), `fish{pond="big"}`)
	if err != nil || len(got) != 1 || got[0].Value != 3 || got[0].Labels["job"] != "pond" || time.Since(got[0].At) > time.Minute {
		t.Errorf("the value is %v, %v", got, err)
	}
	if got, err := s.Query(t.Context(), "scalar(fish)"); err != nil || len(got) != 1 || got[0].Value != 3 {
		t.Errorf("the number is %v, %v", got, err)
	}
	if got, err := s.Query(t.Context(), "birds"); err != nil || len(got) != 0 {
		t.Errorf("birds are %v, %v", got, err)
	}
	if _, err := s.Query(t.Context(), "fish{"); err == nil || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("a query that is none: %v", err)
	}
}
