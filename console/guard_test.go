package console_test

import (
	"net/http"
	"strings"
	"testing"

	"zgoda/console"
	"zgoda/console/consoletest"
)

func TestHost(t *testing.T) {
	r := consoletest.Start(t, func(c *console.Config) { c.Hosts = []string{"ops.example", "other.example:9000"} })
	for host, want := range map[string]int{
		"127.0.0.1":             200,
		"127.0.0.1:8081":        200,
		"localhost":             200,
		"LOCALHOST:1":           200,
		"[::1]":                 200,
		"[::1]:8081":            200,
		"ops.example":           200,
		"OPS.example:443":       200,
		"other.example:9000":    200,
		"other.example":         421,
		"other.example:9001":    421,
		"evil.example":          421,
		"evil.example:8081":     421,
		"localhost.evil":        421,
		"127.0.0.1.evil":        421,
		"127.0.0.1.evil:8081":   421,
		"10.0.0.1":              421,
		"0.0.0.0":               421,
		"[::ffff:127.0.0.1]:80": 200,
	} {
		for _, path := range []string{"/api/v1/status", "/api/v1/docs", "/api/v1/openapi.json"} {
			a := send(t, r, call{method: "GET", path: path, host: host, token: r.Local.Reveal()})
			if a.status != want {
				t.Errorf("%s with Host %s answered %d, want %d", path, host, a.status, want)
			}
			if want != 200 && strings.Contains(a.body, host) {
				t.Errorf("the answer repeats the host: %s", a.body)
			}
		}
	}
}

func TestCrossSite(t *testing.T) {
	r := consoletest.Start(t, nil)
	for site, want := range map[string]int{
		"": 200, "same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403, "anything": 403,
	} {
		a := send(t, r, call{
			method: "GET", path: "/api/v1/status", token: r.Local.Reveal(),
			header: map[string]string{"Sec-Fetch-Site": site, "Origin": "https://evil.example"},
		})
		if a.status != want {
			t.Errorf("Sec-Fetch-Site %q answered %d, want %d", site, a.status, want)
		}
	}
	a := send(t, r, call{method: "OPTIONS", path: "/api/v1/status", header: map[string]string{
		"Origin": "https://evil.example", "Access-Control-Request-Method": "GET",
	}})
	if a.status != http.StatusMethodNotAllowed {
		t.Errorf("a preflight answered %d", a.status)
	}
}

func TestHeaders(t *testing.T) {
	r := consoletest.Start(t, nil)
	for _, path := range []string{"/api/v1/status", "/api/v1/docs", "/api/v1/nothing"} {
		a := do(t, r, "GET", path, "")
		for name, want := range map[string]string{
			"Cache-Control":                "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no policy for content", path)
		}
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s is set", path, name)
			}
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	r := consoletest.Start(t, nil)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/api/v1/nothing", 404},
		{"GET", "/api/v2/status", 404},
		{"GET", "/api/v1/sites/demo/contacts:find", 404},
		{"POST", "/api/v1/sites/demo/contacts/:find", 404},
		{"POST", "/api/v1/sites/demo/:explain", 404},
		{"POST", "/api/v1/sites/demo:nothing", 404},
		{"POST", "/api/v1/sites/demo/contacts:", 404},
		{"POST", "/api/v1/sites/demo/../demo/contacts:find", 404},
		{"POST", "/api/v1//status", 404},
		{"POST", "/api/v1/status", 405},
		{"PATCH", "/api/v1/status", 405},
		{"GET", "/metrics", 404},
	} {
		a := do(t, r, c.method, c.path, `{"identifier":"email:a@example.org"}`)
		if a.status != c.want {
			t.Errorf("%s %s answered %d, want %d", c.method, c.path, a.status, c.want)
			continue
		}
		a.problem(t)
		if c.want == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
	}
	if a := do(t, r, "GET", "/", ""); a.status != http.StatusSeeOther || a.header.Get("Location") != "/api/v1/docs" {
		t.Errorf("/ answered %d to %q", a.status, a.header.Get("Location"))
	}
}

func TestTooManyRequests(t *testing.T) {
	r := consoletest.Start(t, func(c *console.Config) { c.MaxRequests = 1 })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/api/v1/sql", strings.NewReader(`{"sql":"SELECT wait"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Local.Reveal())
	req.Header.Set("Content-Type", "application/json")
	gone := make(chan struct{})
	ctx, cancel := contextOf(t)
	go func() {
		defer close(gone)
		if resp, err := client.Do(req.WithContext(ctx)); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-r.SQL.Waiting
	a := do(t, r, "GET", "/api/v1/status", "")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d", a.status)
	}
	cancel()
	<-gone
	eventually(t, "the slot is free again", func() bool { return do(t, r, "GET", "/api/v1/status", "").status == http.StatusOK })
}

func TestConfigValidate(t *testing.T) {
	if err := console.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	bad := console.Config{Address: "nowhere", Hosts: []string{"http://x/"}}
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{
		"console.address", "console.hosts[0]", "console.header_timeout", "console.read_timeout",
		"console.write_timeout", "console.idle_timeout", "console.query_timeout", "console.drain_timeout",
		"console.max_header", "console.max_requests", "console.max_queries",
	} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	if _, err := console.New(bad, console.Deps{}); err == nil {
		t.Error("New took a bad configuration")
	}
	if _, err := console.New(console.DefaultConfig(), console.Deps{}); err == nil || !strings.Contains(err.Error(), "Directory") {
		t.Errorf("New without parts: %v", err)
	}
}
