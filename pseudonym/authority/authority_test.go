package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"zgoda/pseudonym/identity"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/secret"
)

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func make1(tb testing.TB, seed byte, c *clock) *Authority {
	tb.Helper()
	a, err := New(secret.New(bytes.Repeat([]byte{seed}, 32)), c.now)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func request(tb testing.TB) []byte {
	tb.Helper()
	_, r, err := identity.Request()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func issue(tb testing.TB, a *Authority, who role.Caller, life time.Duration) *x509.Certificate {
	tb.Helper()
	der, _, err := a.Issue(request(tb), who, life)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

func TestIssueAndVerify(t *testing.T) {
	c := newClock()
	a := make1(t, 1, c)
	desk := role.Caller{Role: role.Rights, Name: "desk-1"}
	cert := issue(t, a, desk, time.Hour)
	check := func(what string, by *Authority, want error) {
		t.Helper()
		who, until, err := by.Verify(cert)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if want == nil && (who != desk || !until.Equal(c.at.Add(time.Hour).Truncate(time.Second)) && by == a && c.at.Equal(newClock().at)) {
			t.Errorf("%s: %v until %v", what, who, until)
		}
		if want != nil && who != (role.Caller{}) {
			t.Errorf("%s: refused, and yet taken for %v", what, who)
		}
	}
	check("as it is", a, nil)
	check("the authority after a restart", make1(t, 1, c), nil)
	check("another authority", make1(t, 2, c), ErrStranger)
	c.at = c.at.Add(time.Hour + time.Second)
	check("an hour later", a, ErrExpired)
	c.at = c.at.Add(-2 * time.Hour)
	check("before it was made", a, ErrExpired)
}

func TestIssueRefuses(t *testing.T) {
	a := make1(t, 1, newClock())
	good, broken := request(t), request(t)
	broken[len(broken)-1] ^= 1 // its signature
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, p384)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]struct {
		request []byte
		who     role.Caller
		life    time.Duration
		want    error
	}{
		"no role":         {good, role.Caller{Name: "a"}, 0, role.ErrRole},
		"no name":         {good, role.Caller{Role: role.Rights}, 0, role.ErrName},
		"a name of paths": {good, role.Caller{Role: role.Rights, Name: "a/../b"}, 0, role.ErrName},
		"too long":        {good, role.Caller{Role: role.Rights, Name: "a"}, MaxLife + 1, ErrLife},
		"too short":       {good, role.Caller{Role: role.Rights, Name: "a"}, MinLife - 1, ErrLife},
		"no request":      {nil, role.Caller{Role: role.Rights, Name: "a"}, 0, ErrRequest},
		"a false request": {broken, role.Caller{Role: role.Rights, Name: "a"}, 0, ErrRequest},
		"another curve":   {other, role.Caller{Role: role.Rights, Name: "a"}, 0, ErrRequest},
	} {
		if der, _, err := a.Issue(try.request, try.who, try.life); !errors.Is(err, try.want) || der != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What the authority signs for itself, or did not name a role in, is nobody's.
func TestVerifyWantsARole(t *testing.T) {
	a := make1(t, 1, newClock())
	server, err := a.server()
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Verify(own); !errors.Is(err, ErrStranger) {
		t.Errorf("the server's certificate as a caller's: %v", err)
	}
	if _, _, err := a.Verify(a.cert); err == nil {
		t.Error("the authority's own certificate passed")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	uri := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for what, uris := range map[string][]*url.URL{
		"none": nil, "no such role": {uri("zgoda://root/a")}, "no name": {uri("zgoda://rights/")}, "no path": {uri("zgoda://rights")},
		"another scheme": {uri("https://rights/a")}, "two": {uri("zgoda://rights/a"), uri("zgoda://administrator/a")},
	} {
		template, err := a.template(time.Hour, x509.ExtKeyUsageClientAuth)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs, template.SerialNumber = uris, big.NewInt(9)
		der, err := a.sign(template, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if who, _, err := a.Verify(cert); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v, %v", what, who, err)
		}
	}
}

func TestServerCertificateIsRenewed(t *testing.T) {
	c := newClock()
	a := make1(t, 1, c)
	serial := func() string {
		cert, err := a.server()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return parsed.SerialNumber.String()
	}
	first := serial()
	c.at = c.at.Add(serverLife/2 - time.Second)
	if serial() != first {
		t.Error("renewed before half its life")
	}
	c.at = c.at.Add(2 * time.Second)
	if serial() == first {
		t.Error("not renewed at half its life")
	}
}

// The file that a caller keeps works in a handshake with the keyholder.
func TestIdentityHandshake(t *testing.T) {
	c := &clock{at: time.Now()}
	a := make1(t, 3, c)
	pending, csr, err := identity.Request()
	if err != nil {
		t.Fatal(err)
	}
	who := role.Caller{Role: role.Pseudonymise, Name: "gate-1"}
	der, _, err := a.Issue(csr, who, 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gate-1.pem")
	if err := pending.Write(path, der, make1(t, 4, c).Certificate()); !errors.Is(err, identity.ErrForm) {
		t.Errorf("another authority was written beside it: %v", err)
	}
	if err := pending.Write(path, der, a.Certificate()); err != nil {
		t.Fatal(err)
	}
	id, err := identity.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if id.Renew(c.at) || !id.Renew(c.at.Add(13*time.Hour)) {
		t.Error("a certificate of a day is to be renewed after half a day")
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", a.TLS(func(cert *x509.Certificate) error {
		got, _, err := a.Verify(cert)
		if got != who {
			t.Errorf("taken for %v", got)
		}
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = errors.Join(conn.(*tls.Conn).HandshakeContext(t.Context()), conn.Close())
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: identity.ServerName, RootCAs: id.Authority, Certificates: []tls.Certificate{id.Certificate}, NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
