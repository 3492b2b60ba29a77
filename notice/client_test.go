package notice_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"zgoda/notice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a real server with TLS, whose certificate is for example.com and
// 127.0.0.1.
func receiver(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

func get(t *testing.T, cfg notice.Config, address string) (status int, err error) {
	t.Helper()
	client := notice.NewClient(cfg)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// lookup answers one address for each name.
func lookup(to string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(to)}, nil }
}

// TestOnlyNamedHosts: whatever URL comes along, nothing is called that the
// configuration does not name.
func TestOnlyNamedHosts(t *testing.T) {
	var calls atomic.Int32
	s, roots := receiver(t, func(w http.ResponseWriter, _ *http.Request) { calls.Add(1); w.WriteHeader(http.StatusNoContent) })
	at := s.Listener.Addr().String()
	port := at[strings.LastIndexByte(at, ':'):]
	for name, c := range map[string]struct {
		hosts   []string
		url     string
		resolve string
		want    error
	}{
		"named by its address":            {[]string{at}, s.URL, "", nil},
		"named, to a named address":       {[]string{"example.com" + port, "127.0.0.1"}, "https://example.com" + port, "127.0.0.1", nil},
		"in capitals":                     {[]string{"Example.com" + port, "127.0.0.1"}, "https://EXAMPLE.COM" + port, "127.0.0.1", nil},
		"not named":                       {[]string{"other.example" + port}, s.URL, "", notice.ErrHost},
		"another port":                    {[]string{"127.0.0.1"}, s.URL, "", notice.ErrHost},
		"a name to loopback":              {[]string{"example.com" + port}, "https://example.com" + port, "127.0.0.1", notice.ErrAddress},
		"a name to loopback, mapped":      {[]string{"example.com" + port}, "https://example.com" + port, "::ffff:127.0.0.1", notice.ErrAddress},
		"a name to a private network":     {[]string{"example.com" + port}, "https://example.com" + port, "10.1.2.3", notice.ErrAddress},
		"a name to a cloud's metadata":    {[]string{"example.com" + port}, "https://example.com" + port, "169.254.169.254", notice.ErrAddress},
		"a name to a carrier's network":   {[]string{"example.com" + port}, "https://example.com" + port, "100.64.0.1", notice.ErrAddress},
		"a name to NAT64 of loopback":     {[]string{"example.com" + port}, "https://example.com" + port, "64:ff9b::7f00:1", notice.ErrAddress},
		"a name to a unique local":        {[]string{"example.com" + port}, "https://example.com" + port, "fd00::1", notice.ErrAddress},
		"a name to nowhere":               {[]string{"example.com" + port}, "https://example.com" + port, "0.0.0.0", notice.ErrAddress},
		"a user in the URL":               {[]string{at}, "https://user:secret@" + at, "", notice.ErrHost},
		"without TLS":                     {[]string{"example.com" + port, "127.0.0.1"}, "http://example.com" + port, "127.0.0.1", notice.ErrScheme},
		"another scheme":                  {[]string{at}, "gopher://" + at, "", notice.ErrScheme},
		"an address written as a number":  {[]string{at}, "https://2130706433" + port, "127.0.0.1", notice.ErrHost},
		"an address named, another asked": {[]string{"127.0.0.2" + port}, s.URL, "", notice.ErrHost},
	} {
		calls.Store(0)
		cfg := notice.Config{Hosts: c.hosts, Roots: roots}
		if c.resolve != "" {
			cfg.Resolve = lookup(c.resolve)
		}
		status, err := get(t, cfg, c.url)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || status != http.StatusNoContent || calls.Load() != 1) {
			t.Errorf("%s: status %d, %v", name, status, err)
		}
		if c.want != nil && calls.Load() != 0 {
			t.Errorf("%s: the server was called", name)
		}
	}
}

// TestTheCheckedAddressIsDialled: a name that leads to a public address the first
// time and to this machine the second time is asked once for each connection, and
// the answer that was checked is the one that counts.
func TestTheCheckedAddressIsDialled(t *testing.T) {
	s, roots := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("called by a name that leads here") })
	at := s.Listener.Addr().String()
	port := at[strings.LastIndexByte(at, ':'):]
	var asked atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := notice.Config{Hosts: []string{"example.com" + port}, Roots: roots, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			cancel() // nothing is to be dialled on the public network in a test
			return []netip.Addr{netip.MustParseAddr("192.88.99.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	client := notice.NewClient(cfg)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.com"+port, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := client.Do(r); err == nil {
		_ = answer.Body.Close()
		t.Error("the name led to this machine")
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	if _, err := get(t, cfg, "https://example.com"+port); !errors.Is(err, notice.ErrAddress) {
		t.Errorf("the second time: %v", err)
	}
}

// TestRedirectsAreNotFollowed: a host that is named sends nobody elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var other atomic.Int32
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { other.Add(1) }))
	defer target.Close()
	s, roots := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
	})
	roots.AddCert(target.Certificate())
	at, elsewhere := s.Listener.Addr().String(), target.Listener.Addr().String()
	status, err := get(t, notice.Config{Hosts: []string{at, elsewhere}, Roots: roots}, s.URL)
	if err != nil || status != http.StatusTemporaryRedirect || other.Load() != 0 {
		t.Errorf("status %d, %v, %d calls elsewhere", status, err, other.Load())
	}
}

// TestUnknownCertificates are refused, and no error class holds words of others.
func TestUnknownCertificates(t *testing.T) {
	s, _ := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("called without a certificate that counts") })
	_, err := get(t, notice.Config{Hosts: []string{s.Listener.Addr().String()}, Roots: x509.NewCertPool()}, s.URL)
	if notice.Class(err) != "certificate" {
		t.Errorf("class %q of %v", notice.Class(err), err)
	}
}

func TestHostOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://mailer.example/hook?a=b": "mailer.example", "https://mailer.example:8443/": "mailer.example:8443",
		"http://127.0.0.1/x": "127.0.0.1:80", "http://127.0.0.1:90/x": "127.0.0.1:90", "": "", "mailer.example": "", "://": "",
	} {
		if got := notice.HostOf(address); got != want {
			t.Errorf("%q: %q", address, got)
		}
	}
	client := notice.NewClient(notice.Config{Hosts: []string{notice.HostOf("http://127.0.0.1:90/x")}})
	if err := notice.Callable(client, (&url.URL{Scheme: "http", Host: "127.0.0.1:90"}).String()); err != nil {
		t.Error(err)
	}
	if err := notice.Callable(&http.Client{}, "https://mailer.example"); !errors.Is(err, notice.ErrHost) {
		t.Errorf("another client: %v", err)
	}
}
