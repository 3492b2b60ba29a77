package opendsr_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/control"
	"zgoda/event"
	"zgoda/notice"
	"zgoda/opendsr"
	"zgoda/opendsr/spectest"
	"zgoda/pseudonym"
	"zgoda/rights"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain   = "dsr.example"
	callback = "controller.example"
	canary   = "jana.canary@person.example"
)

// authority is a certificate authority of a test.
type authority struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	roots *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, roots: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(a.cert)
	return a
}

// issue returns the PEM of a certificate for a host, and of its key.
func (a *authority) issue(t *testing.T, host string, key crypto.Signer, until time.Time) (certificate, private []byte) {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// serve serves a handler for a host over TLS, and returns its address.
func (a *authority) serve(t *testing.T, host string, h http.Handler) string {
	t.Helper()
	cert, key := a.issue(t, host, ecKey(t), time.Now().Add(time.Hour))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// people are the contacts that there are, and the keyholder's cases about them.
type people struct {
	mu   sync.Mutex
	of   map[string]event.Handle
	open map[[16]byte]event.Handle
}

func (p *people) Find(_ context.Context, _ event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	if kind == event.KindEmail && !strings.Contains(value, "@") {
		return event.Handle{}, false, event.ErrIdentifier
	}
	h, ok := p.of[kind.String()+":"+value]
	return h, ok, nil
}

func (p *people) OpenCases(ctx context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]pseudonym.OpenedCase, len(list))
	for i := range list {
		h, known, err := p.Find(ctx, list[i].Site, list[i].Who.Kind, list[i].Who.Value)
		if err != nil {
			return nil, err
		}
		out[i] = pseudonym.OpenedCase{ID: list[i].ID, State: pseudonym.CaseUnknown}
		if known {
			p.open[list[i].ID] = h
			out[i].State, out[i].Pseudonyms = pseudonym.CaseOpen, []pseudonym.CasePseudonym{{Handle: h, Purpose: "consent"}}
		}
	}
	return out, nil
}

func (p *people) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if err := yield(pseudonym.CasePiece{ID: id, Pseudonyms: []pseudonym.CasePseudonym{{Handle: p.open[id], Purpose: "consent"}}}); err != nil {
			return err
		}
	}
	return nil
}

func (*people) CloseCases(context.Context, [][16]byte) error { return nil }

func (*people) ListCases(context.Context, func(pseudonym.ListedCase) error) error { return nil }

func (*people) CaseIdentifiers(context.Context, [16]byte, []event.IdentifierKind, string) ([]pseudonym.Datum, error) {
	return nil, nil
}

// results give what a request is.
type results struct{}

func (results) Write(_ context.Context, r control.Request, w io.Writer) error {
	_, err := io.WriteString(w, `{"request":"`+r.ID.String()+`"}`)
	return err
}

// system is a processor and a controller, as two parties that speak over TLS.
type system struct {
	*spectest.Controller
	store     *control.Store
	rights    *rights.Service
	people    *people
	server    *opendsr.Server
	callbacks *spectest.Callbacks
	ca        *authority
	address   string
	closed    atomic.Bool
}

type options struct {
	ecdsa   bool
	undo    time.Duration
	without bool // no results are given
	dialect string
}

func setUp(t *testing.T, o options) *system {
	t.Helper()
	x := &system{ca: newAuthority(t), people: &people{
		of: map[string]event.Handle{
			"email:" + canary: {1}, "user_id:jana": {1}, "customer_id:17": {2}, "phone:+421900123456": {3},
		},
		open: map[[16]byte]event.Handle{},
	}}
	var err error
	if x.store, err = control.Open(t.Context(), control.DefaultConfig(filepath.Join(t.TempDir(), "control", "control.db"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.store.Close() })
	of := rights.DefaultConfig()
	of.Undo = o.undo
	if x.rights, err = rights.New(of, rights.Deps{Store: x.store, Cases: x.people}); err != nil {
		t.Fatal(err)
	}
	x.serve(t, o)
	token, err := x.store.CreateSiteToken(t.Context(), "shop", "acme")
	if err != nil {
		t.Fatal(err)
	}
	x.Token = token
	return x
}

func (x *system) serve(t *testing.T, o options) {
	t.Helper()
	x.callbacks = &spectest.Callbacks{}
	back := x.ca.serve(t, callback, x.callbacks)
	port := back[strings.LastIndexByte(back, ':'):]
	client := notice.NewClient(notice.Config{
		Hosts: []string{callback + port, "127.0.0.1"}, Roots: x.ca.roots,
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
	settings := notice.DefaultSettings()
	settings.First, settings.Most, settings.Poll = time.Millisecond, 4*time.Millisecond, 2*time.Millisecond
	notices, err := notice.New(settings, notice.Deps{Store: x.store, Keys: x.people, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	deps := opendsr.Deps{
		Passing: func() bool { return !x.closed.Load() },
		Key:     x.key(t, o), Store: x.store, Requests: x.rights, People: x.people, Results: results{}, Wake: notices.Wake,
		Callable: func(address string) error { return notice.Callable(client, address) },
	}
	if o.without {
		deps.Results = nil
	}
	cfg := opendsr.Config{
		Domain: domain, Controllers: []opendsr.Controller{{ID: "acme", Site: "shop"}}, Poll: 2 * time.Millisecond,
		Rights: []control.Right{control.RightAccess, control.RightErasure, control.RightPortability, control.RightRestriction},
	}
	if x.server, err = opendsr.New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	notices.Use(control.NoticeOpenDSR, x.server)
	run(t, notices.Run)
	run(t, x.server.Run)
	mux := http.NewServeMux()
	for _, p := range opendsr.Patterns() {
		mux.Handle(p, x.server)
	}
	x.address = x.ca.serve(t, domain, mux)
	if o.dialect == "" {
		o.dialect = "/opendsr/v2/requests OpenDSR"
	}
	path, header, _ := strings.Cut(o.dialect, " ")
	x.Controller = &spectest.Controller{Base: "https://" + domain + path, Header: header, Domain: domain, Roots: x.ca.roots, HTTP: x.client(t)}
	x.callbacks.Controller, x.callbacks.URL = x.Controller, "https://"+callback+port+"/opendsr_callbacks"
	if _, err := x.Discover(t.Context(), "https://"+domain+"/opendsr/v2/discovery"); err != nil {
		t.Fatal(err)
	}
}

// client finds the processor's domain where the test serves it.
func (x *system) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: x.ca.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, x.address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (x *system) key(t *testing.T, o options) *opendsr.Key {
	t.Helper()
	key := ecKey(t)
	if !o.ecdsa {
		of, err := rsaKey()
		if err != nil {
			t.Fatal(err)
		}
		key = of
	}
	cert, private := x.ca.issue(t, domain, key, time.Now().Add(time.Hour))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "c.pem"), cert)
	write(t, filepath.Join(dir, "c.key"), private)
	k, err := opendsr.LoadKey(filepath.Join(dir, "c.pem"), filepath.Join(dir, "c.key"), domain, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// selfSigned is a certificate that a key signs for itself.
func selfSigned(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: []string{domain}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func expose(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
