package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector"
)

func TestRoutes(t *testing.T) {
	h := open(t, nil)
	for path, route := range map[string]collector.Route{
		"/v1/track": collector.RouteTrack, "/v1/t": collector.RouteTrack, "/v1/page": collector.RoutePage, "/v1/p": collector.RoutePage,
		"/v1/screen": collector.RouteScreen, "/v1/s": collector.RouteScreen, "/v1/identify": collector.RouteIdentify, "/v1/i": collector.RouteIdentify,
		"/v1/group": collector.RouteGroup, "/v1/g": collector.RouteGroup, "/v1/alias": collector.RouteAlias, "/v1/a": collector.RouteAlias,
		"/v1/batch": collector.RouteBatch, "/v1/b": collector.RouteBatch,
	} {
		r := h.send(t, "POST", path, `{"a":1}`, "Content-Type", "text/plain")
		if r.status != 200 || string(r.body) != `{"success":true}` || r.header.Get("X-Consent-Decision") == "" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		if got := h.fake.last(t); got.route != route || got.body != `{"a":1}` {
			t.Errorf("%s reached the collector as %s", path, got.route)
		}
	}
	if r := h.send(t, "POST", "/e", `{}`); r.status != 204 || len(r.body) != 0 || h.fake.last(t).route != collector.RouteBeacon {
		t.Errorf("/e: %d", r.status)
	}
	r := h.send(t, "GET", "/p.gif?u=1", "")
	if r.status != 200 || r.header.Get("Content-Type") != "image/gif" || r.header.Get("Cache-Control") != "no-store" || !bytes.HasPrefix(r.body, []byte("GIF89a")) {
		t.Errorf("/p.gif: %d %v", r.status, r.header)
	}
	if got := h.fake.last(t); got.route != collector.RoutePixel || got.host != "1" {
		t.Errorf("%+v", got)
	}
	if r = h.send(t, "GET", "/.well-known/gpc.json", ""); !json.Valid(r.body) || !bytes.Contains(r.body, []byte(`"gpc":true`)) {
		t.Errorf("gpc.json: %s", r.body)
	}
}

func TestPixelIsAlwaysAPicture(t *testing.T) {
	h := open(t, nil)
	for _, status := range []int{0, 200, 400, 401, 403, 503} {
		h.fake.answer = func(_ *collector.Request, a *collector.Answer) { a.Status = status }
		if r := h.send(t, "GET", "/p.gif", ""); r.status != 200 || r.header.Get("Content-Type") != "image/gif" {
			t.Errorf("%d: %d", status, r.status)
		}
	}
	n := h.fake.count()
	if r := h.send(t, "HEAD", "/p.gif", ""); r.status != 200 || h.fake.count() != n {
		t.Error("a HEAD shows nothing to anybody, and counts nothing")
	}
}

func TestKeys(t *testing.T) {
	h := open(t, nil)
	for header, want := range map[string]string{
		"Basic cGs6":        "pk", // pk:
		"Basic cGs=":        "pk", // the colon is missing
		"Basic cGs":         "pk", // and the padding
		"basic cGs6c2VjcmV": "pk", // a password is ignored
		"Bearer sk":         "sk",
		"bearer  sk ":       "sk",
		"Basic !!!":         "",
		"Digest x":          "q",
		"":                  "q",
	} {
		headers := []string{"Authorization", header}
		if header == "" {
			headers = nil
		}
		h.send(t, "POST", "/v1/track?writeKey=q", `{}`, headers...)
		if got := h.fake.last(t).key; got != want {
			t.Errorf("%q: key %q, want %q", header, got, want)
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := open(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/v1/track", 405, "POST, OPTIONS"},
		{"PUT", "/e", 405, "POST, OPTIONS"},
		{"DELETE", "/consent", 405, "GET, HEAD, POST, OPTIONS"},
		{"POST", "/z.js", 405, "GET, HEAD, OPTIONS"},
		{"TRACE", "/p.gif", 405, "GET, HEAD, OPTIONS"},
		{"POST", "/", 404, ""},
		{"GET", "/v1/tracker", 404, ""},
		{"GET", "/v1/projects//settings", 404, ""},
		{"GET", "/demo/../../etc/passwd", 404, ""},
		{"GET", "/demo/nothing", 404, ""},
	} {
		r := h.send(t, c.method, c.path, "")
		r.problem(t, c.status, "")
		if r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q", c.method, c.path, r.header.Get("Allow"))
		}
	}
	if h.fake.count() != 0 {
		t.Error("something reached the collector")
	}
	if r := h.send(t, "HEAD", "/z.js", ""); r.status != 200 || len(r.body) != 0 || r.header.Get("Etag") == "" {
		t.Errorf("HEAD: %d", r.status)
	}
	for name := range h.send(t, "GET", "/", "").header {
		if name == "Server" {
			t.Error("the server names itself")
		}
	}
}

func TestCORS(t *testing.T) {
	h := open(t, nil)
	read := func(r reply) (string, string) {
		return r.header.Get("Access-Control-Allow-Origin"), r.header.Get("Access-Control-Allow-Credentials")
	}
	for _, path := range []string{"/v1/track", "/e", "/consent", "/nothing"} {
		for from, listed := range map[string]bool{origin: true, "http://localhost:3000": path != "/v1/track" && path != "/e", "https://evil.example": false, "null": false} {
			r := h.send(t, "POST", path, `{}`, "Origin", from)
			if path == "/consent" && from != origin {
				continue // the desk's own answer
			}
			allowed, credentials := read(r)
			if (allowed == from && credentials == "true") != listed || (!listed && allowed != "") {
				t.Errorf("%s from %s: %q %q", path, from, allowed, credentials)
			}
			if !strings.Contains(strings.Join(r.header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s from %s: no Vary", path, from)
			}
		}
	}
	r := h.send(t, "OPTIONS", "/v1/track", "", "Origin", origin, "Access-Control-Request-Method", "POST")
	if allowed, _ := read(r); r.status != 204 || allowed != origin || !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("preflight: %d %v", r.status, r.header)
	}
	r = h.send(t, "OPTIONS", "/v1/track", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if allowed, _ := read(r); allowed != "" || r.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight for a stranger: %v", r.header)
	}
}

func TestAnswers(t *testing.T) {
	h := open(t, nil)
	for _, c := range []struct {
		answer collector.Answer
		retry  string
	}{
		{collector.Answer{Status: 400, Problem: collector.Problem{Title: "Bad", Field: "event"}}, ""},
		{collector.Answer{Status: 401, Problem: collector.Problem{Title: "Who", Field: "writeKey"}}, ""},
		{collector.Answer{Status: 413, Problem: collector.Problem{Title: "Big", Field: "body"}}, ""},
		{collector.Answer{Status: 429, Problem: collector.Problem{Title: "Slow"}, RetryAfter: 9}, "9"},
		{collector.Answer{Status: 503, Problem: collector.Problem{Title: "Full"}}, "2"},
		{collector.Answer{}, ""},
	} {
		h.fake.answer = func(_ *collector.Request, a *collector.Answer) { *a = c.answer }
		r := h.send(t, "POST", "/v1/batch", "{}")
		r.problem(t, max(c.answer.Status, 500*b2i(c.answer.Status == 0)), c.answer.Problem.Field)
		if r.header.Get("Retry-After") != c.retry {
			t.Errorf("%d: Retry-After %q", c.answer.Status, r.header.Get("Retry-After"))
		}
	}
	h.fake.answer = func(_ *collector.Request, a *collector.Answer) {
		a.Status, a.Refused = 200, append(a.Refused, collector.Refusal{Index: 2, Field: "event", Reason: "malformed"})
	}
	if r := h.send(t, "POST", "/v1/batch?strict=1", "{}"); string(r.body) != `{"success":true,"refused":[{"index":2,"field":"event","reason":"malformed"}]}` {
		t.Errorf("%s", r.body)
	}
	if r := h.send(t, "POST", "/v1/batch", "{}"); string(r.body) != `{"success":true}` {
		t.Errorf("the pool leaks strictness: %s", r.body)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRepeatedHeaders(t *testing.T) {
	h := open(t, nil)
	r := h.send(t, "POST", "/e", "{}", "Sec-GPC", "0", "Sec-GPC", "1")
	if got := h.fake.last(t).gpc; len(got) != 2 || got[0] != "0" || got[1] != "1" {
		t.Errorf("%q", got)
	}
	if r.header.Get("Tk") != "N" {
		t.Error("no Tk")
	}
}

func TestPanicIsAnswered(t *testing.T) {
	h := open(t, nil)
	h.fake.answer = func(r *collector.Request, _ *collector.Answer) { panic("canary " + string(r.Body)) }
	h.send(t, "POST", "/v1/track", "canary-body").problem(t, 500, "")
	if strings.Contains(h.logs.String(), "canary") || !strings.Contains(h.logs.String(), "could not be handled") {
		t.Errorf("%s", h.logs)
	}
	h.fake.answer = nil
	if r := h.send(t, "POST", "/v1/track", "{}"); r.status != 200 {
		t.Errorf("after a panic: %d", r.status)
	}
}

func TestConsentRoute(t *testing.T) {
	h := open(t, nil)
	r := h.send(t, "GET", "/consent?key=pk", "", "Origin", origin)
	if r.status != 200 || r.header.Get("Cache-Control") != "no-store" || r.header.Get("Referrer-Policy") != "no-referrer" || len(r.header.Values("Set-Cookie")) != 0 {
		t.Errorf("%d %v", r.status, r.header)
	}
	r = h.send(t, "POST", "/consent", `{"key":"pk"}`, "Origin", origin, "Sec-Fetch-Site", "same-site", "Cookie", "a=1; __Host-zgoda_visitor=abc")
	if string(h.desk.got.FetchSite) != "same-site" || string(h.desk.got.Visitor) != "abc" || string(h.desk.got.Body) != `{"key":"pk"}` {
		t.Errorf("%+v", h.desk.got)
	}
	cookies := r.header.Values("Set-Cookie")
	if len(cookies) != 2 {
		t.Fatalf("%q", cookies)
	}
	for _, c := range cookies {
		low := strings.ToLower(c)
		for _, attribute := range []string{"; path=/", "; secure", "; httponly", "; samesite=lax"} {
			if !strings.Contains(low, attribute) {
				t.Errorf("%s lacks %s", c, attribute)
			}
		}
		if strings.Contains(low, "domain=") {
			t.Errorf("%s: a __Host- cookie has no domain", c)
		}
	}
	if !strings.Contains(cookies[0]+cookies[1], "expires=Tue, 10 Nov 2009") {
		t.Errorf("the visitor's cookie is not taken away: %q", cookies)
	}
	r = h.send(t, "POST", "/consent", "", "Origin", origin)
	r.problem(t, 503, "")
	if r.header.Get("Retry-After") != "4" {
		t.Error("no Retry-After")
	}
}

// TestConsentReadsItsCookieAsEventsDo: what fasthttp leaves out or takes the first
// of may be a refusal.
func TestConsentReadsItsCookieAsEventsDo(t *testing.T) {
	h := open(t, nil)
	for _, method := range []string{"GET", "POST"} {
		for cookies, want := range map[string]string{
			"a=1": "", "a=1; __Host-zgoda_consent=abc": "abc", `__Host-zgoda_consent="abc"`: "abc",
			`__Host-zgoda_consent=a"b`: `a"b`, "__Host-zgoda_consent=": "?",
			"__Host-zgoda_consent=abc; __Host-zgoda_consent=abc": "abc",
			"__Host-zgoda_consent=abc; __Host-zgoda_consent=abd": "?",
		} {
			h.send(t, method, "/consent?key=pk", `{"key":"pk"}`, "Origin", origin, "Sec-Fetch-Site", "same-site", "Cookie", cookies)
			if got := string(h.desk.got.Choice); got != want || (h.desk.got.Choice == nil) != (want == "") {
				t.Errorf("%s %s: %q, want %q", method, cookies, got, want)
			}
		}
	}
}

func TestDrain(t *testing.T) {
	h := open(t, nil)
	if err := h.Ready(); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	h.fake.answer = func(_ *collector.Request, a *collector.Answer) {
		close(entered)
		<-leave
		a.Status = 200
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if r := h.send(t, "POST", "/v1/track", "{}"); r.status != 200 || !r.last {
			t.Errorf("a request under way: %d, last %v", r.status, r.last)
		}
	})
	<-entered
	drained := make(chan error, 2)
	for range 2 {
		wait.Go(func() { drained <- h.Drain(t.Context()) })
	}
	until(t, "it is not ready", func() bool { return h.Ready() != nil })
	if !errors.Is(h.Ready(), ErrDraining) {
		t.Error(h.Ready())
	}
	select {
	case err := <-drained:
		drained <- err
		t.Error("drained before the handler had returned")
	default:
	}
	close(leave)
	wait.Wait()
	for range 2 {
		if err := <-drained; err != nil {
			t.Error(err)
		}
	}
	if c, err := net.DialTimeout("tcp", strings.TrimPrefix(h.url, "http://"), time.Second); err == nil {
		_ = c.Close()
		t.Error("still listening")
	}
}

func TestDrainBeforeRun(t *testing.T) {
	h := open(t, nil)
	g, err := New(h.config, Deps{Collector: h.fake, Sites: h.fake.sites, Choices: h.desk, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(g.Ready(), ErrNotListening) {
		t.Error(g.Ready())
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Config{Proxies: []netip.Prefix{{}}}.Validate()
	for _, name := range []string{"public", "proxies", "max_body_bytes", "max_header_bytes", "max_connections", "max_connections_per_address", "max_body_memory", "choices_per_minute", "header_timeout", "read_timeout", "write_timeout", "idle_timeout", "retry_after"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("no dependencies, no error")
	}
}
