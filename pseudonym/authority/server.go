package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"zgoda/pseudonym/identity"
)

// serverCertificate is the keyholder's own, and when to make another.
type serverCertificate struct {
	tls   tls.Certificate
	renew time.Time
}

// TLS returns the settings of a listener: TLS 1.3, no resumption, and a
// certificate from each caller, which verify checks.
func (a *Authority) TLS(verify func(*x509.Certificate) error) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2"},
		ClientAuth:             tls.RequireAnyClientCert, // VerifyConnection checks it, and says why not
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.server() },
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return ErrStranger
			}
			return verify(state.PeerCertificates[0])
		},
	}
}

// server returns the keyholder's own certificate, made anew at half its life.
func (a *Authority) server() (*tls.Certificate, error) {
	a.renewing.Lock()
	defer a.renewing.Unlock()
	if a.own != nil && a.now().Before(a.own.renew) {
		return &a.own.tls, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("authority: make the server's key: %w", err)
	}
	template, err := a.template(serverLife, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	template.DNSNames = []string{identity.ServerName}
	der, err := a.sign(template, key.Public())
	if err != nil {
		return nil, fmt.Errorf("authority: sign the server's certificate: %w", err)
	}
	a.own = &serverCertificate{tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, renew: a.now().Add(serverLife / 2)}
	return &a.own.tls, nil
}
