package opendsr_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"zgoda/opendsr"
)

func TestLoadKey(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	key := ecKey(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	cert, private := ca.issue(t, domain, key, time.Now().Add(time.Hour))
	old, _ := ca.issue(t, domain, key, time.Now().Add(-time.Hour))
	write(t, at("c.key"), private)
	for name, c := range map[string]struct {
		cert   []byte
		domain string
	}{"expired": {old, domain}, "another domain": {cert, "other.example"}, "no certificate": {[]byte("x"), domain}} {
		write(t, at("c.pem"), c.cert)
		if _, err := opendsr.LoadKey(at("c.pem"), at("c.key"), c.domain, time.Now()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	write(t, at("c.pem"), selfSigned(t, key))
	if _, err := opendsr.LoadKey(at("c.pem"), at("c.key"), domain, time.Now()); !errors.Is(err, opendsr.ErrSelfSigned) {
		t.Errorf("self-signed: %v", err)
	}
	write(t, at("c.pem"), cert)
	if _, err := opendsr.LoadKey(at("c.pem"), at("c.key"), domain, time.Now()); err != nil {
		t.Error(err)
	}
	expose(t, at("c.key"))
	if _, err := opendsr.LoadKey(at("c.pem"), at("c.key"), domain, time.Now()); !errors.Is(err, opendsr.ErrKeyExposed) {
		t.Errorf("exposed: %v", err)
	}
}
