package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ServerName is the name in every keyholder's own certificate, wherever it
// listens: no other authority's certificate passes, so that an address proves
// nothing and is not asked for.
const ServerName = "zgoda-keyholder"

// Identity is who a caller is.
type Identity struct {
	Certificate tls.Certificate
	Authority   *x509.CertPool
	From, Until time.Time
}

// Renew says whether half of the certificate's life is over.
func (i *Identity) Renew(now time.Time) bool {
	return now.After(i.From.Add(i.Until.Sub(i.From) / 2))
}

// Pending is a private key that has no certificate yet.
type Pending struct{ key *ecdsa.PrivateKey }

// Request makes a private key and a request for its certificate (PKCS#10, DER).
func Request() (*Pending, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a private key: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a request for a certificate: %w", err)
	}
	return &Pending{key: key}, request, nil
}

// The blocks of a file, in this order.
const (
	blockKey         = "PRIVATE KEY"
	blockCertificate = "CERTIFICATE"
)

// Write puts key, certificate and authority into a file of mode 0600, in place
// of one that may be there.
func (p *Pending) Write(path string, certificate, authority []byte) error {
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("write an identity: %w", err)
	}
	var content bytes.Buffer
	for _, block := range []*pem.Block{{Type: blockKey, Bytes: key}, {Type: blockCertificate, Bytes: certificate}, {Type: blockCertificate, Bytes: authority}} {
		if err := pem.Encode(&content, block); err != nil {
			return fmt.Errorf("write an identity: %w", err)
		}
	}
	if _, err := parse(content.Bytes()); err != nil {
		return err // the keyholder signed something else
	}
	if err := replace(path, content.Bytes()); err != nil {
		return fmt.Errorf("write an identity: %w", err)
	}
	return nil
}

// replace writes a file whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ErrOpen is returned for a file that others can read.
var ErrOpen = errors.New("an identity must be readable by its owner alone (mode 0600)")

// ErrForm is returned for a file that is no identity.
var ErrForm = errors.New("not an identity: a private key, its certificate and the authority, as zgoda keys issue writes them")

// Read reads a file that Write wrote.
func Read(path string) (*Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read an identity: %w", err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read an identity: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 || info.Mode().Type() != fs.FileMode(0) {
		return nil, fmt.Errorf("%s: %w", path, ErrOpen)
	}
	var content bytes.Buffer
	if _, err := content.ReadFrom(f); err != nil {
		return nil, fmt.Errorf("read an identity: %w", err)
	}
	id, err := parse(content.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}

func parse(content []byte) (*Identity, error) {
	var blocks []*pem.Block
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	if len(blocks) != 3 || blocks[0].Type != blockKey || blocks[1].Type != blockCertificate || blocks[2].Type != blockCertificate {
		return nil, ErrForm
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[0].Bytes)
	if err != nil {
		return nil, ErrForm
	}
	cert, err := x509.ParseCertificate(blocks[1].Bytes)
	if err != nil {
		return nil, ErrForm
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(cert.PublicKey) {
		return nil, ErrForm
	}
	authority, err := x509.ParseCertificate(blocks[2].Bytes)
	if err != nil || cert.CheckSignatureFrom(authority) != nil {
		return nil, ErrForm
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return &Identity{
		Certificate: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert},
		Authority:   pool, From: cert.NotBefore, Until: cert.NotAfter,
	}, nil
}
