package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

func TestMalformedHTTP(t *testing.T) {
	h := open(t, func(c *Config) {
		c.ReadTimeout = 300 * time.Millisecond
		c.HeaderTimeout = c.ReadTimeout
		c.MaxBodyBytes = 4096
	})
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"garbage":             {"canary\r\n\r\n", 400},
		"no version":          {"POST /e canary\r\n\r\n", 400},
		"no colon":            {"POST /e HTTP/1.1\r\nHost: a\r\ncanary\r\n\r\n", 400},
		"bad length":          {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n", 400},
		"two lengths":         {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400},
		"length and chunked":  {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"bad chunk":           {"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n", 400},
		"body too large":      {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 5000), 413},
		"chunks too large":    {"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("800\r\n"+strings.Repeat("x", 2048)+"\r\n", 3) + "0\r\n\r\n", 413},
		"header too large":    {"POST /e HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("canary", 5000) + "\r\n\r\n", 431},
		"a bad long chunk":    {"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}canary\r\n", 400},
		"never ends, chunked": {"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 408},
		"headers never end":   {"POST /e HTTP/1.1\r\nHost: a\r\nX: half", 408},
		"never ends":          {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf", 408},
		"space before colon":  {"POST /e HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		"a huge length":       {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413},
		"a length overflowed": {"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			answer := h.raw(t, c.text)
			if answer == nil {
				t.Fatal("no answer")
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != c.status || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s, want %d", answer.StatusCode, answer.Header.Get("Content-Type"), c.status)
			}
			if bytes.Contains(body, []byte("canary")) || answer.Header.Get("Server") != "" {
				t.Errorf("%s", body)
			}
		})
	}
	if h.fake.count() != 0 {
		t.Error("something reached the collector")
	}
	if strings.Contains(h.logs.String(), "canary") || strings.Contains(h.logs.String(), "127.0.0.1") {
		t.Errorf("the log holds what clients sent: %s", h.logs)
	}
	if r := h.send(t, "POST", "/e", "{}"); r.status != 204 {
		t.Errorf("after all that: %d", r.status)
	}
}

func zipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func TestCompressedBodies(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxBodyBytes = 4096 })
	const text = `{"event":"compressed"}`
	deflated := fasthttp.AppendDeflateBytes(nil, []byte(text))
	for name, c := range map[string]struct {
		headers []string
		body    []byte
		status  int
	}{
		"gzip":         {[]string{"gzip"}, zipped(text), 200},
		"x-gzip":       {[]string{"X-GZIP"}, zipped(text), 200},
		"brotli":       {[]string{"br"}, fasthttp.AppendBrotliBytes(nil, []byte(text)), 200},
		"deflate":      {[]string{"deflate"}, deflated, 200},
		"zstd":         {[]string{"zstd"}, fasthttp.AppendZstdBytes(nil, []byte(text)), 415},
		"identity":     {[]string{"identity"}, []byte(text), 200},
		"a bomb":       {[]string{"gzip"}, zipped(strings.Repeat(" ", 1<<20)), 413},
		"a br bomb":    {[]string{"br"}, fasthttp.AppendBrotliBytes(nil, bytes.Repeat([]byte(" "), 1<<20)), 413},
		"exactly":      {[]string{"gzip"}, zipped(strings.Repeat(" ", 4096)), 200},
		"one too many": {[]string{"gzip"}, zipped(strings.Repeat(" ", 4097)), 413},
		"not gzip":     {[]string{"gzip"}, []byte(text), 400},
		"cut short":    {[]string{"gzip"}, zipped(text)[:20], 400},
		"nested":       {[]string{"gzip, gzip"}, zipped(string(zipped(text))), 415},
		"nested lines": {[]string{"gzip", "gzip"}, zipped(string(zipped(text))), 415},
		"unknown":      {[]string{"compress"}, []byte(text), 415},
	} {
		t.Run(name, func(t *testing.T) {
			n := h.fake.count()
			var headers []string
			for _, v := range c.headers {
				headers = append(headers, "Content-Encoding", v)
			}
			r := h.send(t, "POST", "/v1/track", string(c.body), headers...)
			if r.status != c.status {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if (h.fake.count() != n) != (c.status == 200) {
				t.Error("reached the collector, or did not")
			}
			if c.status == 200 && name != "exactly" && h.fake.last(t).body != text {
				t.Errorf("%q", h.fake.last(t).body)
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	trusted := func(c *Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	for name, c := range map[string]struct {
		change func(*Config)
		xff    []string
		want   string
	}{
		"a socket":                        {nil, nil, "127.0.0.1"},
		"a forgotten proxy":               {nil, []string{"192.0.2.1"}, "invalid IP"},
		"a proxy itself":                  {trusted, nil, "invalid IP"},
		"one hop":                         {trusted, []string{"192.0.2.1"}, "192.0.2.1"},
		"the right-most untrusted":        {trusted, []string{"203.0.113.9, 192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
		"over two lines":                  {trusted, []string{"203.0.113.9, 192.0.2.1", "10.1.1.1"}, "192.0.2.1"},
		"all trusted":                     {trusted, []string{"10.0.0.2, 10.0.0.3"}, "invalid IP"},
		"loopback, through proxies":       {trusted, []string{"127.0.0.1, 10.1.2.3"}, "invalid IP"},
		"loopback, claimed to a proxy":    {func(c *Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }, []string{"127.0.0.2"}, "invalid IP"},
		"IPv6 loopback, claimed":          {trusted, []string{"::1"}, "invalid IP"},
		"a port":                          {trusted, []string{"192.0.2.1:4711"}, "192.0.2.1"},
		"IPv6":                            {trusted, []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 with a port":                {trusted, []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		"IPv4 in IPv6":                    {trusted, []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		"rubbish":                         {trusted, []string{"127.0.0.1, unknown"}, "invalid IP"},
		"rubbish to the left is not read": {trusted, []string{"x, 192.0.2.1"}, "192.0.2.1"},
		"an empty hop":                    {trusted, []string{"192.0.2.1,"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, c.change)
			var headers []string
			for _, v := range c.xff {
				headers = append(headers, "X-Forwarded-For", v)
			}
			h.send(t, "POST", "/e", "{}", headers...)
			if got := h.fake.last(t).address.String(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestSnippetIsServedWell(t *testing.T) {
	h := open(t, nil)
	plain := h.send(t, "GET", "/z.js", "", "Accept-Encoding", "identity")
	if plain.status != 200 || plain.header.Get("Content-Encoding") != "" || !strings.HasPrefix(plain.header.Get("Content-Type"), "text/javascript") {
		t.Fatalf("%d %v", plain.status, plain.header)
	}
	if strings.Contains(plain.header.Get("Cache-Control"), "immutable") {
		t.Error("without its hash it may change")
	}
	named := h.send(t, "GET", "/z.js?v="+h.snippet.hash, "", "Accept-Encoding", "gzip, br")
	if !strings.Contains(named.header.Get("Cache-Control"), "immutable") || named.header.Get("Content-Encoding") != "br" || len(named.body) >= len(plain.body) {
		t.Errorf("%v", named.header)
	}
	if other := h.send(t, "GET", "/z.js?v=0000000000000000", ""); strings.Contains(other.header.Get("Cache-Control"), "immutable") {
		t.Error("another hash's file would be kept for ever")
	}
	packed := h.send(t, "GET", "/z.js", "", "Accept-Encoding", "br;q=0, gzip;q=0.5")
	if packed.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", packed.header)
	}
	if r, err := gzip.NewReader(bytes.NewReader(packed.body)); err != nil {
		t.Error(err)
	} else if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, plain.body) {
		t.Errorf("another file came back: %v", err)
	}
	tag := named.header.Get("Etag")
	if r := h.send(t, "GET", "/z.js", "", "Accept-Encoding", "br", "If-None-Match", `"x", W/`+tag); r.status != http.StatusNotModified || len(r.body) != 0 {
		t.Errorf("%d", r.status)
	}
	if r := h.send(t, "GET", "/z.js", "", "Accept-Encoding", "gzip", "If-None-Match", tag); r.status != 200 {
		t.Errorf("the tag of another encoding: %d", r.status)
	}
}

func TestSettings(t *testing.T) {
	h := open(t, nil)
	r := h.send(t, "GET", "/v1/projects/pk/settings", "", "Origin", origin)
	for _, part := range []string{`"Segment.io"`, `"apiKey":"pk"`, `"apiHost":"` + hostOf(h) + `/v1"`, `"protocol":"https"`} {
		if !bytes.Contains(r.body, []byte(part)) {
			t.Errorf("%s lacks %s", r.body, part)
		}
	}
	if r.header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(r.header.Get("Cache-Control"), "private") {
		t.Errorf("%v", r.header)
	}
	if r = h.send(t, "GET", "/v1/projects/demo-key/settings", ""); !bytes.Contains(r.body, []byte(`"protocol":"http"`)) {
		t.Errorf("%s", r.body)
	}
	h.send(t, "GET", "/v1/projects/sk/settings", "").problem(t, 404, "writeKey")
	h.send(t, "GET", "/v1/projects/canary/settings", "").problem(t, 404, "writeKey")
}

func TestExplainRoute(t *testing.T) {
	h := open(t, nil)
	if r := h.send(t, "POST", "/v1/explain", `{}`, "Authorization", "Bearer sk"); r.status != 200 || !bytes.HasPrefix(r.body, []byte("{")) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if h.fake.last(t).route != collector.RouteAny {
		t.Error("the body says what it is")
	}
	n := h.fake.count()
	h.send(t, "POST", "/v1/explain", `{}`, "Authorization", "Bearer pk").problem(t, 401, "Authorization")
	h.send(t, "POST", "/v1/explain", `{"writeKey":"sk"}`).problem(t, 401, "Authorization")
	h.send(t, "POST", "/v1/explain", `{}`, "Authorization", "Bearer sk", "Origin", origin).problem(t, 401, "Authorization")
	h.send(t, "POST", "/v1/explain", `{}`, "Authorization", "Bearer demo-key", "X-Forwarded-For", "192.0.2.1").problem(t, 401, "Authorization")
	if h.fake.count() != n {
		t.Error("a stranger's request reached the collector")
	}
	if r := h.send(t, "POST", "/v1/explain", `{}`, "Authorization", "Bearer demo-key"); r.status != 200 {
		t.Errorf("the demo's key on loopback: %d", r.status)
	}
}

func TestExplainRaw(t *testing.T) {
	h := open(t, nil)
	body := `{"userId":"u"}`
	for name, raw := range map[string]string{
		"whole":         "POST /v1/track HTTP/1.1\r\nHost: a\r\nSec-GPC: 1\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body,
		"LF":            "POST /v1/track HTTP/1.1\nHost: a\nSec-GPC: 1\n\n" + body,
		"wrong length":  "POST /v1/track HTTP/1.1\nSec-GPC: 1\nContent-Length: 3\n\n" + body,
		"no version":    "POST /v1/track\nSec-GPC: 1\n\n" + body,
		"leading lines": "\n\nPOST /v1/track HTTP/1.1\nSec-GPC: 1\n\n" + body,
	} {
		out, err := h.Explain(t.Context(), "shop", []byte(raw))
		if err != nil || !bytes.HasPrefix(out, []byte("{")) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := h.fake.last(t)
		if got.route != collector.RouteTrack || got.body != body || len(got.gpc) != 1 || got.address.String() != "127.0.0.1" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := h.Explain(t.Context(), "shop", []byte("GET /p.gif?u=1 HTTP/1.1\nX-Forwarded-For: 192.0.2.1")); err != nil || h.fake.last(t).route != collector.RoutePixel || h.fake.last(t).address.String() != "192.0.2.1" {
		t.Errorf("%v %+v", err, h.fake.last(t))
	}
	for raw, want := range map[string]error{
		"":                                    ErrRawRequest,
		"canary":                              ErrRawRequest,
		"POST /v1/track HTTP/1.1\ncanary\n\n": ErrRawRequest,
		"POST /consent HTTP/1.1\n\n{}":        ErrRawRoute,
		"GET /canary HTTP/1.1\n\n":            ErrRawRoute,
		"POST /e HTTP/1.1\nContent-Encoding: gzip\n\ncanary":                         ErrRawRefused,
		"POST /e HTTP/1.1\n\n" + strings.Repeat("x", DefaultConfig().MaxBodyBytes+1): ErrRawRefused,
	} {
		_, err := h.Explain(t.Context(), "shop", []byte(raw))
		if !errors.Is(err, want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.40q: %v", raw, err)
		}
	}
	if _, err := h.Explain(t.Context(), "demo", []byte("POST /e HTTP/1.1\n\n{}")); !errors.Is(err, ErrRawSite) {
		t.Errorf("%v", err)
	}
}

func FuzzParseRaw(f *testing.F) {
	f.Add([]byte("POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("GET /p.gif\n\n"))
	f.Add([]byte("POST /e HTTP/1.1\nContent-Encoding: gzip\n\n\x1f\x8b"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in fasthttp.Request
		if err := parseRaw(raw, 1<<16, &in); err == nil {
			_, _, _ = plainBody(&in, 1<<16)
		} else if !errors.Is(err, ErrRawRequest) && !errors.Is(err, ErrRawRefused) {
			t.Fatal(err)
		}
	})
}

func FuzzParseHop(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "[2001:db8::1]:80", "::ffff:10.0.0.1", "fe80::1%eth0", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, ok := parseHop(text)
		if ok != a.IsValid() || a.Zone() != "" || a.Is4In6() {
			t.Fatalf("%v %v", a, ok)
		}
	})
}

// TestHotPathAllocs holds what one request costs in front of the collector.
func TestHotPathAllocs(t *testing.T) {
	h := open(t, nil)
	h.fake.answer = func(_ *collector.Request, a *collector.Answer) { a.Status = 200 }
	var rc fasthttp.RequestCtx
	rc.Init(&fasthttp.Request{}, nil, nil)
	rc.Request.Header.SetMethod("POST")
	rc.Request.SetRequestURI("/v1/track")
	rc.Request.SetBodyString("{}")
	h.fake.seen = make([]seen, 0, 4096)
	ctx := context.Background()
	got := testing.AllocsPerRun(1000, func() {
		rc.Response.Reset()
		h.serve(ctx, &rc)
	})
	if got > hotAllocs {
		t.Errorf("%.0f allocations a request", got)
	}
}
