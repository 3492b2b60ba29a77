package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/consent"
	"zgoda/web"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the time for the Date header, for the life of the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool's cleaner ends on its own, at most ten seconds after the pool has stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Its compressors' workers live as long as the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"))
}

// seen is what reached the collector, copied: nothing of a request outlives it.
type seen struct {
	route                   collector.Route
	key, origin, body, host string
	address                 netip.Addr
	gpc                     []string
	strict                  bool
}

// fake is a collector that answers as it is told.
type fake struct {
	mu     sync.Mutex
	seen   []seen
	answer func(r *collector.Request, a *collector.Answer)
	sites  *collector.Sites
}

func (f *fake) Collect(_ context.Context, r *collector.Request, a *collector.Answer) {
	s := seen{
		route: r.Route, key: string(r.AuthKey), origin: string(r.Origin), body: string(r.Body),
		address: r.Address, strict: r.Strict, host: string(r.Query("u")),
	}
	r.Header("Sec-GPC", func(v []byte) bool {
		s.gpc = append(s.gpc, string(v))
		return true
	})
	f.mu.Lock()
	f.seen = append(f.seen, s)
	answer := f.answer
	f.mu.Unlock()
	if answer != nil {
		answer(r, a)
		return
	}
	a.Status = 200
	a.Site, _ = f.sites.ByKey([]byte("pk"))
	a.OriginListed = a.Site.OriginListed(r.Origin)
	a.Decision = append(a.Decision, "profiling=deny; by=gpc"...)
	a.Tk = len(s.gpc) > 0
}

func (f *fake) Explain(_ context.Context, r *collector.Request) (collector.Explanation, collector.Answer) {
	var a collector.Answer
	f.Collect(context.Background(), r, &a)
	return collector.Explanation{}, a
}

func (f *fake) last(tb testing.TB) seen {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) == 0 {
		tb.Fatal("nothing reached the collector")
	}
	return f.seen[len(f.seen)-1]
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// desk answers a fixed state and sets one cookie of each kind. It refuses to read
// without a key that is public.
type desk struct{ got choice.Request }

func (d *desk) Read(_ context.Context, r *choice.Request) choice.Answer {
	d.got.Choice = bytes.Clone(r.Choice)
	if key := string(r.Key); key != "pk" && key != "demo-key" {
		return choice.Answer{Status: 401, Problem: collector.Problem{Title: "Unknown", Field: "key"}}
	}
	return choice.Answer{Status: 200, State: &choice.State{Version: 3}, OriginListed: true}
}

func (d *desk) Write(_ context.Context, r *choice.Request) choice.Answer {
	d.got = choice.Request{Body: bytes.Clone(r.Body), FetchSite: bytes.Clone(r.FetchSite), Visitor: bytes.Clone(r.Visitor), Choice: bytes.Clone(r.Choice)}
	if len(r.Body) == 0 {
		return choice.Answer{Status: 503, RetryAfter: 4, Problem: collector.Problem{Title: "Away"}}
	}
	return choice.Answer{Status: 200, State: &choice.State{Version: 3}, OriginListed: true, Cookies: []choice.Cookie{
		{Name: "__Host-zgoda_consent", Value: "v", MaxAge: time.Hour}, {Name: "__Host-zgoda_visitor"},
	}}
}

// house is a running gateway with fakes behind it.
type house struct {
	*Gateway
	url  string
	fake *fake
	desk *desk
	logs *bytes.Buffer
	reg  *prometheus.Registry
}

const origin = "https://shop.example"

func open(tb testing.TB, change func(*Config)) *house {
	tb.Helper()
	return openAll(tb, change, nil)
}

func openWith(tb testing.TB, change func(*Deps)) *house {
	tb.Helper()
	return openAll(tb, nil, change)
}

func openAll(tb testing.TB, change func(*Config), behind func(*Deps)) *house {
	tb.Helper()
	policy := &consent.Policy{Site: "shop", Version: 1}
	sites, err := collector.NewSites([]collector.Site{
		{ID: "shop", PublicKeys: []string{"pk"}, Secret: collector.Secret("sk"), Origins: []string{origin}, Policy: policy},
		{ID: "demo", PublicKeys: []string{"demo-key"}, Loopback: true, Policy: policy},
	})
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{fake: &fake{sites: sites}, desk: &desk{}, logs: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	config := DefaultConfig()
	config.Address = "127.0.0.1:0"
	config.IdleTimeout = time.Second
	if change != nil {
		change(&config)
	}
	deps := Deps{
		Collector: h.fake, Sites: sites, Choices: h.desk, Logger: slog.New(slog.NewTextHandler(h.logs, nil)), Registerer: h.reg,
		Demo: &web.Shop{Key: "demo-key", Controller: "Demo Ltd", Address: "1 Road", Version: 1, Purposes: []web.ShopPurpose{{ID: "analytics", Asks: true}}},
	}
	if behind != nil {
		behind(&deps)
	}
	if h.Gateway, err = New(config, deps); err != nil {
		tb.Fatal(err)
	}
	if err := h.Listen(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h.url = "http://" + h.Addr()
	done := make(chan error, 1)
	go func() { done <- h.Run(context.WithoutCancel(tb.Context())) }()
	tb.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return h
}

type reply struct {
	status int
	header http.Header
	body   []byte
	last   bool // the connection is closed after it
}

// send makes a request; headers are pairs.
func (h *house) send(tb testing.TB, method, path, body string, headers ...string) reply {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, b, answer.Close}
}

func (r reply) problem(tb testing.TB, status int, field string) {
	tb.Helper()
	var d document
	if r.status != status || r.header.Get("Content-Type") != "application/problem+json" {
		tb.Errorf("status %d %s, want %d problem+json", r.status, r.header.Get("Content-Type"), status)
	}
	if err := json.Unmarshal(r.body, &d); err != nil || d.Status != status || d.Field != field || d.Title == "" {
		tb.Errorf("problem %s, want field %q (%v)", r.body, field, err)
	}
}

// raw sends bytes and returns the first answer, or nil when the connection was
// closed without one.
func (h *house) raw(tb testing.TB, text string) *http.Response {
	tb.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	tb.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func hostOf(h *house) string { return strings.TrimPrefix(h.url, "http://") }

var _ fasthttp.Logger = quiet{}
