package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"zgoda/mail"
	"zgoda/mail/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const address = "jana.canary@person.example"

func config(s *mailtest.Server) mail.Config {
	c := mail.DefaultConfig()
	c.Host, c.Port, c.TLS, c.From = s.Host, s.Port, mail.TLSNone, "consent@shop.example"
	return c
}

func send(t *testing.T, c mail.Config, m mail.Message) error {
	t.Helper()
	sender, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return sender.Send(t.Context(), m)
}

func message() mail.Message {
	return mail.Message{
		To: address, FromName: "Obchod s.r.o.", Subject: "Potvrďte svoj súhlas", Locale: "sk",
		Text: "Dobrý deň,\n\nhttps://shop.example/consent/confirm?t=" + strings.Repeat("A", 64) + "\n",
	}
}

// TestSend: a real server gets the message as it was written, with nothing of
// this machine in it.
func TestSend(t *testing.T) {
	s := mailtest.Start(t, mailtest.Options{})
	want := message()
	if err := send(t, config(s), want); err != nil {
		t.Fatal(err)
	}
	got := s.Wait(t, 1)[0]
	if got.From != "consent@shop.example" || got.To != address {
		t.Errorf("envelope: %q to %q", got.From, got.To)
	}
	if got.Subject(t) != want.Subject || strings.TrimSpace(got.Text(t)) != strings.TrimSpace(want.Text) {
		t.Errorf("%q\n%q", got.Subject(t), got.Text(t))
	}
	if h := got.Header(t, "Auto-Submitted"); h != "auto-generated" {
		t.Errorf("Auto-Submitted: %q", h)
	}
	if h := got.Header(t, "Content-Language"); h != "sk" {
		t.Errorf("Content-Language: %q", h)
	}
	if id := got.Header(t, "Message-ID"); !strings.HasSuffix(id, "@shop.example>") {
		t.Errorf("Message-ID: %q", id)
	}
}

// TestSendOverTLS: with the password, over STARTTLS and over TLS from the start;
// a certificate that nobody vouches for is refused.
func TestSendOverTLS(t *testing.T) {
	certificate, roots := authority(t)
	for _, way := range []mail.TLS{mail.TLSStart, mail.TLSImplicit} {
		t.Run(string(way), func(t *testing.T) {
			s := mailtest.Start(t, mailtest.Options{
				User: "shop", Password: "correct horse", Implicit: way == mail.TLSImplicit,
				TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			})
			c := config(s)
			c.TLS, c.Roots, c.User, c.Password = way, roots, "shop", mail.Secret("correct horse")
			if err := send(t, c, message()); err != nil {
				t.Fatal(err)
			}
			s.Wait(t, 1)
			c.Password = mail.Secret("wrong")
			if err := send(t, c, message()); err == nil {
				t.Error("sent with a wrong password")
			}
			c.Roots = x509.NewCertPool()
			if err := send(t, c, message()); !errors.Is(err, mail.ErrAway) {
				t.Errorf("an unknown certificate: %v", err)
			}
			if n := len(s.Mails()); n != 1 {
				t.Errorf("%d mails came", n)
			}
		})
	}
}

// TestStartTLSIsNeverLeftOut: a server that offers no TLS gets nothing.
func TestStartTLSIsNeverLeftOut(t *testing.T) {
	s := mailtest.Start(t, mailtest.Options{})
	c := config(s)
	c.TLS = mail.TLSStart
	if err := send(t, c, message()); !errors.Is(err, mail.ErrAway) {
		t.Errorf("error: %v", err)
	}
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d mails came in clear", n)
	}
}

// TestErrorsHoldNoAddress: whatever a server answers, the error tells whether to
// try again, and no address.
func TestErrorsHoldNoAddress(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse *smtp.SMTPError
		want   error
	}{
		{"never", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox " + address}, mail.ErrRefused},
		{"later", &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 2, 1}, Message: "busy with " + address}, mail.ErrAway},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mailtest.Start(t, mailtest.Options{Refuse: c.refuse})
			err := send(t, config(s), message())
			if !errors.Is(err, c.want) {
				t.Fatalf("error: %v", err)
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "canary") {
				t.Errorf("the error holds the address: %v", err)
			}
			if !strings.Contains(err.Error(), fmt.Sprint(c.refuse.Code)) {
				t.Errorf("the error lacks the code: %v", err)
			}
		})
	}
}

// TestAddresses: what is not one address alone is refused before anything is
// sent, so that nobody adds recipients or headers.
func TestAddresses(t *testing.T) {
	s := mailtest.Start(t, mailtest.Options{})
	for _, to := range []string{"", "jana", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", "Jana <a@b.example>", "a@b.example; c@d.example"} {
		m := message()
		m.To = to
		if err := send(t, config(s), m); !errors.Is(err, mail.ErrAddress) {
			t.Errorf("%q: %v", to, err)
		}
	}
	m := message()
	m.Subject, m.FromName = "a\r\nBcc: c@d.example", "b\r\nBcc: c@d.example"
	if err := send(t, config(s), m); err == nil {
		if got := s.Wait(t, 1)[0]; got.Header(t, "Bcc") != "" || got.To != address {
			t.Error("a header was added")
		}
	}
}

// TestSendEndsWithItsContext: a server that takes nothing holds nobody.
func TestSendEndsWithItsContext(t *testing.T) {
	hold := make(chan struct{})
	s := mailtest.Start(t, mailtest.Options{Hold: hold})
	defer close(hold)
	sender, err := mail.New(config(s))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := sender.Send(ctx, message()); !errors.Is(err, mail.ErrAway) {
		t.Errorf("error: %v", err)
	}
}

// TestNobodyListens: a server that is away is told so.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := config(&mailtest.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c, message()); !errors.Is(err, mail.ErrAway) {
		t.Errorf("error: %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := mail.Config{Host: "mail.shop.example", TLS: mail.TLSStart, From: "consent@shop.example", Timeout: time.Second}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*mail.Config){
		"mail.host":    func(c *mail.Config) { c.Host = "" },
		"mail.port":    func(c *mail.Config) { c.Port = 70000 },
		"mail.tls":     func(c *mail.Config) { c.TLS = mail.TLSNone },
		"mail.user":    func(c *mail.Config) { c.User = "u" },
		"mail.from":    func(c *mail.Config) { c.From = "Shop <consent@shop.example>" },
		"mail.timeout": func(c *mail.Config) { c.Timeout = 0 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %v", mail.Secret("hunter2hunter2"), mail.Config{Password: mail.Secret("hunter2hunter2")}, mail.Secret("hunter2hunter2"), message()); strings.Contains(text, "hunter2") || strings.Contains(text, "canary") {
		t.Errorf("a secret is printed: %s", text)
	}
}

// authority makes a certificate for 127.0.0.1 and who vouches for it.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
