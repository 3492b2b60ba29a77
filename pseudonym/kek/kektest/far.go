package kektest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// far is a server on 127.0.0.1 that can be away for a while.
type far struct {
	Address string // HOST:PORT
	CA      string // file of the certificate to believe
	tls     *tls.Config
	serve   func(*tls.Config, net.Listener) (stop func())
	stop    func()
	denied  atomic.Bool
}

func newFar(t *testing.T, serve func(*tls.Config, net.Listener) (stop func())) *far {
	t.Helper()
	certificate, ca := certify(t)
	f := &far{
		Address: "127.0.0.1:0", CA: ca, serve: serve,
		tls: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}},
	}
	f.stop = f.start(t)
	t.Cleanup(func() { f.stop() })
	return f
}

// start listens: at first on any port, and after that on the same one.
func (f *far) start(t *testing.T) (stop func()) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", f.Address)
	if err != nil {
		t.Fatal(err)
	}
	f.Address = listener.Addr().String()
	return f.serve(f.tls, listener)
}

// Away stops the server, and returns what starts it again on the same port.
func (f *far) Away(t *testing.T) (back func()) {
	t.Helper()
	f.stop()
	return func() { f.stop = f.start(t) }
}

// Deny refuses all that is asked from now on.
func (f *far) Deny() { f.denied.Store(true) }

// serveHTTP returns what serves a handler over TLS.
func serveHTTP(handler http.HandlerFunc) func(*tls.Config, net.Listener) func() {
	return func(settings *tls.Config, l net.Listener) func() {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = server.Serve(tls.NewListener(l, settings)) }()
		return func() { _ = server.Close() }
	}
}

// certify makes a certificate for 127.0.0.1, its own authority.
func certify(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kektest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// secretFile writes a file of mode 0600.
func secretFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
