package opendsr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

// Key signs answers and callbacks.
type Key struct {
	signer  crypto.Signer
	chain   []byte // PEM, the certificate first
	expires time.Time
	secret  []byte // for keyed hashes of what must not be tried out
}

// The errors of a key.
var (
	ErrKeyExposed = errors.New("the key file may be read by others; make it 0600")
	ErrSelfSigned = errors.New("the certificate is self-signed, which OpenDSR does not allow (4.1)")
	ErrKeyKind    = errors.New("the key is neither RSA of 2048 bits or more nor ECDSA")
)

// LoadKey reads a certificate, with its chain, and its key from PEM files. The
// certificate is of the domain that OpenDSR is served for, and in force.
func LoadKey(certificate, key, domain string, now time.Time) (*Key, error) {
	info, err := os.Stat(key)
	if err != nil {
		return nil, fmt.Errorf("read the key of OpenDSR: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read the key of OpenDSR: %w", ErrKeyExposed)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of OpenDSR: %w", err)
	}
	leaf := pair.Leaf
	if err := leaf.VerifyHostname(domain); err != nil {
		return nil, fmt.Errorf("read the certificate of OpenDSR: it is not of %s", domain)
	}
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return nil, errors.New("read the certificate of OpenDSR: it is not in force now")
	}
	if leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
		return nil, ErrSelfSigned
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !usable(signer.Public()) {
		return nil, ErrKeyKind
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, ErrKeyKind
	}
	k := &Key{signer: signer, expires: leaf.NotAfter}
	mac := hmac.New(sha256.New, der)
	mac.Write([]byte("zgoda opendsr 1"))
	k.secret = mac.Sum(nil)
	for _, c := range pair.Certificate {
		k.chain = append(k.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return k, nil
}

func usable(public crypto.PublicKey) bool {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return p.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		return true
	}
	return false
}

// Expires is when the certificate ends.
func (k *Key) Expires() time.Time { return k.expires }

// sign returns the base64 of the signature over the SHA-256 of a body: RSA with
// PKCS #1 v1.5, as all known clients check it, or ECDSA in ASN.1.
func (k *Key) sign(body []byte) (string, error) {
	sum := sha256.Sum256(body)
	signature, err := k.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", errors.New("sign an answer of OpenDSR: the key cannot sign")
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// keyed returns a hash that nobody without the key can compare guesses with.
func (k *Key) keyed(what string, parts ...[]byte) (sum [32]byte) {
	mac := hmac.New(sha256.New, k.secret)
	_, _ = fmt.Fprintf(mac, "%s\n", what) // a hash takes everything
	for _, p := range parts {
		_, _ = fmt.Fprintf(mac, "%d\n", len(p))
		mac.Write(p)
	}
	copy(sum[:], mac.Sum(nil))
	return sum
}
