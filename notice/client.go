package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config says where a client may go.
type Config struct {
	// Hosts are those that may be called: a name or an address, with a port unless it
	// is 443. An address of a private network, or of this machine, is called only when
	// it is named itself: a name that leads there is refused.
	Hosts []string
	// Roots are who may sign certificates; nil: whom the system trusts.
	Roots *x509.CertPool
	// Timeout bounds one call as a whole; 0: 15 s.
	Timeout time.Duration
	// Resolve finds the addresses of a name; nil: as the system does.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// The errors of a client, beside those of the network.
var (
	ErrHost    = errors.New("the host is not one of those that the configuration names")
	ErrScheme  = errors.New("only https is called, and http on loopback")
	ErrAddress = errors.New("the host leads to an address of a private network that the configuration does not name")
)

// NewClient returns a client that calls nothing else than the configuration names.
// The address that was checked is the one that is dialled; redirects are not
// followed, proxies of the environment are not used, cookies are not kept.
func NewClient(cfg Config) *http.Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	g := &guard{hosts: map[string]bool{}, named: map[netip.Addr]bool{}, resolve: cfg.Resolve}
	for _, h := range cfg.Hosts {
		g.name(h)
	}
	g.next = &http.Transport{
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  cfg.Timeout,
		MaxResponseHeaderBytes: 16 << 10,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    2,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport: g, Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// HostOf returns the host of a URL as Hosts names it.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Scheme == "http" && u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return u.Host
}

// guard lets through what may be called.
type guard struct {
	hosts   map[string]bool // host:port, lower case
	named   map[netip.Addr]bool
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	next    *http.Transport
}

func (g *guard) name(entry string) {
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		host, port = strings.Trim(entry, "[]"), "443"
	}
	g.hosts[net.JoinHostPort(strings.ToLower(host), port)] = true
	if a, err := netip.ParseAddr(host); err == nil {
		g.named[a.Unmap()] = true
	}
}

// RoundTrip sends a request whose URL may be called.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.check(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as http.RoundTripper demands
		}
		return nil, err
	}
	return g.next.RoundTrip(r)
}

// CloseIdleConnections lets http.Client close what is idle.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

func (g *guard) check(u *url.URL) error {
	port := u.Port()
	switch {
	case u.User != nil:
		return ErrHost
	case u.Scheme == "https" && port == "":
		port = "443"
	case u.Scheme == "http" && port == "":
		port = "80"
	}
	if !g.hosts[net.JoinHostPort(strings.ToLower(u.Hostname()), port)] {
		return ErrHost
	}
	if u.Scheme == "https" {
		return nil
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && err == nil && a.Unmap().IsLoopback() {
		return nil
	}
	return ErrScheme
}

// Callable says whether a URL may be called, without calling it.
func Callable(client *http.Client, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return ErrHost
	}
	g, ok := client.Transport.(*guard)
	if !ok {
		return ErrHost
	}
	return g.check(u)
}

// dial connects to an address that it has checked, so that a name cannot lead
// elsewhere the second time that it is looked up.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ErrHost
	}
	var found []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{a}
	} else if found, err = g.resolve(ctx, host); err != nil {
		return nil, fmt.Errorf("look up the host: %w", err)
	}
	last := ErrAddress
	for _, a := range found {
		a = a.Unmap()
		if !public(a) && !g.named[a] {
			continue
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, network, net.JoinHostPort(a.WithZone("").String(), port))
		if err == nil {
			return c, nil
		}
		last = err
	}
	return nil, last
}

// notPublic are ranges that lead to somebody's own network, or nowhere, beside those
// that netip knows.
var notPublic = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && a.Zone() == "" &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}
