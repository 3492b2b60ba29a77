package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"zgoda/pseudonym/role"
	"zgoda/pseudonym/secret"
)

// Lives of certificates.
const (
	MinLife     = 30 * time.Minute
	DefaultLife = 24 * time.Hour
	MaxLife     = 7 * 24 * time.Hour

	serverLife = 24 * time.Hour
	early      = time.Minute // a certificate is good from so much before it was made: clocks differ
)

// Scheme is that of the URI by which a certificate names its holder:
// zgoda://rights/desk-1.
const Scheme = "zgoda"

// Errors of a certificate or of a request for one.
var (
	ErrRequest  = errors.New("not a request for a certificate (PKCS#10, P-256)")
	ErrLife     = fmt.Errorf("a certificate is good for %s to %s", MinLife, MaxLife)
	ErrExpired  = errors.New("the certificate is not in force at this time")
	ErrStranger = errors.New("another authority signed the certificate")
	ErrNobody   = errors.New("the certificate names no role")
)

// Authority signs and checks. It is safe for concurrent use and prints as its
// address: nothing of the key can be read through it.
type Authority struct {
	now  func() time.Time
	sign func(template *x509.Certificate, public any) ([]byte, error)
	cert *x509.Certificate

	renewing sync.Mutex
	own      *serverCertificate
}

// New makes the authority that belongs to a seed: the same one each time.
func New(seed secret.Bytes, now func() time.Time) (*Authority, error) {
	key, err := keyOf(seed)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "zgoda keyholder authority"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("authority: sign its certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("authority: read its certificate: %w", err)
	}
	return &Authority{now: now, cert: cert, sign: func(template *x509.Certificate, public any) ([]byte, error) {
		return x509.CreateCertificate(rand.Reader, template, cert, public, key)
	}}, nil
}

// keyOf derives the signing key. Hardly any 32 bytes are not a key of the curve;
// the next ones are taken then.
func keyOf(seed secret.Bytes) (*ecdsa.PrivateKey, error) {
	for i := range 8 {
		raw, err := hkdf.Key(sha256.New, seed.Reveal(), nil, fmt.Sprintf("zgoda authority P-256 %d", i), 32)
		if err != nil {
			return nil, fmt.Errorf("authority: derive its key: %w", err)
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("authority: no key comes of the seed")
}

// Certificate returns the authority's own certificate, DER.
func (a *Authority) Certificate() []byte { return a.cert.Raw }

// Issue signs the certificate of a caller. What the request says but its public
// key is not looked at.
func (a *Authority) Issue(request []byte, who role.Caller, life time.Duration) (der []byte, until time.Time, err error) {
	if life == 0 {
		life = DefaultLife
	}
	if life < MinLife || life > MaxLife {
		return nil, time.Time{}, ErrLife
	}
	if who.Role == role.None {
		return nil, time.Time{}, role.ErrRole
	}
	if err := role.CheckName(who.Name); err != nil {
		return nil, time.Time{}, err
	}
	parsed, err := x509.ParseCertificateRequest(request)
	if err != nil || parsed.CheckSignature() != nil {
		return nil, time.Time{}, ErrRequest
	}
	public, ok := parsed.PublicKey.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, time.Time{}, ErrRequest
	}
	template, err := a.template(life, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, time.Time{}, err
	}
	template.URIs = []*url.URL{{Scheme: Scheme, Host: who.Role.String(), Path: "/" + who.Name}}
	der, err = a.sign(template, public)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("authority: sign: %w", err)
	}
	return der, template.NotAfter, nil
}

func (a *Authority) template(life time.Duration, use x509.ExtKeyUsage) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("authority: number a certificate: %w", err)
	}
	now := a.now().UTC()
	return &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-early), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, BasicConstraintsValid: true,
	}, nil
}

// Verify says whose certificate it is, and until when it is in force.
func (a *Authority) Verify(cert *x509.Certificate) (who role.Caller, until time.Time, err error) {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: a.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return role.Caller{}, time.Time{}, ErrExpired
	case err != nil:
		return role.Caller{}, time.Time{}, ErrStranger
	}
	who, err = Holder(cert)
	return who, cert.NotAfter, err
}

// Holder reads whom a certificate names. It does not check who signed it.
func Holder(cert *x509.Certificate) (role.Caller, error) {
	if len(cert.URIs) != 1 || cert.URIs[0].Scheme != Scheme || len(cert.URIs[0].Path) < 2 {
		return role.Caller{}, ErrNobody
	}
	r, err := role.Parse(cert.URIs[0].Host)
	if err != nil {
		return role.Caller{}, ErrNobody
	}
	name := cert.URIs[0].Path[1:]
	if role.CheckName(name) != nil {
		return role.Caller{}, ErrNobody
	}
	return role.Caller{Role: r, Name: name}, nil
}
