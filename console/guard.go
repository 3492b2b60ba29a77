package console

import (
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
)

// maxBody bounds every body; most operations have a smaller bound of their own.
const maxBody = 8 << 20

// guard is what every request passes before it is routed.
type guard struct {
	hosts    map[string]bool // lower case; with a port only as configured
	loopback bool            // the listener is on loopback
	running  chan struct{}   // a slot for each running request
	metrics  *metrics
	next     http.Handler
}

func newGuard(cfg Config, m *metrics, next http.Handler) *guard {
	g := &guard{
		hosts:    map[string]bool{},
		loopback: loopbackAddress(cfg.Address),
		running:  make(chan struct{}, cfg.MaxRequests),
		metrics:  m,
		next:     next,
	}
	for _, h := range cfg.Hosts {
		g.hosts[strings.ToLower(h)] = true
	}
	return g
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	switch {
	case !g.knows(r.Host):
		writeProblem(w, http.StatusMisdirectedRequest, "this console does not answer to that host")
		return
	case crossSite(r.Header.Get("Sec-Fetch-Site")):
		writeProblem(w, http.StatusForbidden, "pages of other sites may not call the console")
		return
	case r.URL.Path != path.Clean(r.URL.Path):
		writeProblem(w, http.StatusNotFound, "there is no such route")
		return
	case r.ContentLength > limitOf(r):
		writeProblem(w, http.StatusRequestEntityTooLarge, "the body is too large")
		return
	}
	select {
	case g.running <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		writeProblem(w, http.StatusServiceUnavailable, "too many requests are being answered")
		return
	}
	g.metrics.running.Inc()
	defer func() { g.metrics.running.Dec(); <-g.running }()
	r.Body = http.MaxBytesReader(w, r.Body, limitOf(r))
	g.next.ServeHTTP(w, r)
}

// limitOf bounds a request's body. Imports and documents are streamed.
func limitOf(r *http.Request) int64 {
	switch {
	case strings.HasSuffix(r.URL.Path, importPath):
		return maxImport
	case strings.HasSuffix(r.URL.Path, forgetPath):
		return maxForget
	case strings.HasSuffix(r.URL.Path, attachPath), strings.HasSuffix(r.URL.Path, agreementsPath):
		return maxAttach
	}
	return maxBody
}

// secure sets the headers of every answer. There is no CORS header on purpose.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// knows says whether a Host header is one of ours. A name that an attacker
// points at loopback is not; an address can only be reached by itself.
func (g *guard) knows(host string) bool {
	host = strings.ToLower(host)
	name := hostName(host)
	if g.hosts[host] || g.hosts[name] {
		return true
	}
	if name == "localhost" {
		return g.loopback
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && (!g.loopback || addr.IsLoopback())
}

// hostName is a Host header without its port and brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

func loopbackAddress(address string) bool {
	name := hostName(address)
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

// crossSite reads Sec-Fetch-Site, which browsers set and scripts cannot.
func crossSite(site string) bool {
	return site != "" && site != "same-origin" && site != "none"
}
