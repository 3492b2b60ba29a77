package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"zgoda/collector/dryrun"
	"zgoda/console"
	"zgoda/console/consoletest"
)

func ask(t *testing.T, r *consoletest.Running, method, path, token, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func TestDryRun(t *testing.T) {
	r := consoletest.Start(t, nil)
	const path = "/api/v1/sites/demo/dryrun"
	analyst, err := r.Tokens.CreateToken(t.Context(), console.RoleAnalyst, "anna")
	if err != nil {
		t.Fatal(err)
	}
	status, _, body := ask(t, r, http.MethodGet, path, analyst, "")
	var report dryrun.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if report.Events != 3 || report.Differ != 1 || report.CandidatePolicy != 2 || len(report.Purposes) != 3 || report.Purposes[1].Lost != 1 {
		t.Errorf("%+v", report)
	}
	if status, _, _ := ask(t, r, http.MethodGet, path, "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _, _ := ask(t, r, http.MethodGet, "/api/v1/sites/canary/dryrun", analyst, ""); status != http.StatusNotFound {
		t.Errorf("no such site: %d", status)
	}
	r.DryRuns.Trial = nil
	if status, _, body := ask(t, r, http.MethodGet, path, analyst, ""); status != http.StatusNotFound || !strings.Contains(body, "--candidate") {
		t.Errorf("no candidate: %d %s", status, body)
	}
}

// The page holds nothing by itself, and may run its own script alone.
func TestDryRunPage(t *testing.T) {
	r := consoletest.Start(t, nil)
	for path, kind := range map[string]string{"/dryrun": "text/html", "/dryrun.js": "text/javascript", "/dryrun.css": "text/css"} {
		status, header, body := ask(t, r, http.MethodGet, path, "", "")
		if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), kind) || len(body) == 0 {
			t.Errorf("%s: %d %s", path, status, header.Get("Content-Type"))
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, header)
		}
	}
	_, _, page := ask(t, r, http.MethodGet, "/dryrun", "", "")
	for _, inline := range []string{"<script>", "style=", "onclick", "://"} {
		if strings.Contains(page, inline) {
			t.Errorf("%q is in the page", inline)
		}
	}
	if _, header, _ := ask(t, r, http.MethodGet, "/api/v1/docs", "", ""); strings.Contains(header.Get("Content-Security-Policy"), "script-src") {
		t.Error("another page may run scripts")
	}
}

func TestFindDrops(t *testing.T) {
	r := consoletest.Start(t, nil)
	const path = "/api/v1/sites/demo/drops:find"
	analyst, err := r.Tokens.CreateToken(t.Context(), console.RoleAnalyst, "anna")
	if err != nil {
		t.Fatal(err)
	}
	local := r.Local.Reveal()
	type answer struct {
		Found []struct {
			Fate, Reason, Scope, Told, Time string
			Purposes                        []struct{ Purpose, Outcome, By string }
		}
		Sampled bool
		Words   string
	}
	find := func(id string) (a answer) {
		status, _, body := ask(t, r, http.MethodPost, path, local, `{"messageId":"`+id+`"}`)
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, body, err)
		}
		if strings.Contains(body, id) {
			t.Errorf("the messageId is repeated: %s", body)
		}
		return a
	}
	a := find("m-dropped")
	if len(a.Found) != 1 || a.Found[0].Fate != "dropped" || a.Found[0].Reason != "erased" || a.Found[0].Scope != "" || len(a.Found[0].Purposes) != 3 || a.Found[0].Purposes[0].By != "erased" ||
		a.Found[0].Told != "measurement; by=private, analytics; by=private, profiling=deny; by=gpc" || a.Found[0].Time != "2026-01-02T03:04:05Z" {
		t.Errorf("%+v", a)
	}
	if a := find("m-old"); len(a.Found) != 1 || a.Found[0].Scope != "period" || a.Found[0].Reason != "" || len(a.Found[0].Purposes) != 0 || a.Found[0].Told != "" {
		t.Errorf("another policy's: %+v", a)
	}
	if a := find("canary-unknown"); len(a.Found) != 0 || !a.Sampled || !strings.HasPrefix(a.Words, "Nothing was found: no such event") {
		t.Errorf("%+v", a)
	}
	for name, c := range map[string]struct {
		path, token, body string
		want              int
	}{
		"an analyst": {path, analyst, `{"messageId":"m-dropped"}`, http.StatusForbidden},
		"nobody":     {path, "", `{"messageId":"m-dropped"}`, http.StatusUnauthorized},
		"no site":    {"/api/v1/sites/other/drops:find", local, `{"messageId":"m-dropped"}`, http.StatusNotFound},
		"no id":      {path, local, `{"messageId":""}`, http.StatusUnprocessableEntity},
		"too long":   {path, local, `{"messageId":"` + strings.Repeat("canary", 40) + `"}`, http.StatusUnprocessableEntity},
	} {
		if status, _, body := ask(t, r, http.MethodPost, c.path, c.token, c.body); status != c.want || strings.Contains(body, "canary") {
			t.Errorf("%s: %d, want %d: %s", name, status, c.want, body)
		}
	}
}
