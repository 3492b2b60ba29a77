package config

import (
	"strings"
	"testing"
)

func TestKEK(t *testing.T) {
	const token, vault = "pkcs11:token=zgoda;object=kek?module-path=/m.so", "hcvault://vault.corp/transit/keys/zgoda"
	const aws, gcp = "aws-kms://arn:aws:kms:eu-central-1:111122223333:key/a", "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k"
	wrong := []struct {
		key string
		kek KEK
	}{
		{"kek.uri", KEK{URI: "s3://bucket"}},
		{"kek.uri", KEK{URI: token + "&pin-value=canary"}},
		{"kek", KEK{CA: "ca.pem"}},
		{"kek.make", KEK{URI: "passphrase:", Make: true}},
		{"kek.pin_file", KEK{URI: token}},
		{"kek.pin_file", KEK{URI: vault, Credentials: "t", PINFile: "pin"}},
		{"kek.credentials", KEK{URI: vault}},
		{"kek", KEK{URI: token, PINFile: "pin", CA: "ca.pem"}},
		{"kek.endpoint", KEK{URI: vault, Credentials: "t", Endpoint: "h:1"}},
		{"kek.make", KEK{URI: aws, Make: true}},
	}
	for _, w := range wrong {
		v := &checker{}
		v.kek(&w.kek)
		if len(v.errs) != 1 || !strings.HasPrefix(v.errs[0].Error(), w.key+": ") || strings.Contains(v.errs[0].Error(), "canary") {
			t.Errorf("%s: %v", w.key, v.errs)
		}
	}
	for _, k := range []KEK{
		{},
		{URI: "passphrase:b"},
		{URI: token, PINFile: "pin", Make: true},
		{URI: vault, Credentials: "t", CA: "c"},
		{URI: aws, Endpoint: "https://h"},
		{URI: gcp, Credentials: "a", Endpoint: "h:1"},
	} {
		v := &checker{}
		v.kek(&k)
		if len(v.errs) != 0 {
			t.Errorf("%+v: %v", k, v.errs)
		}
	}
	c := Config{dir: "/etc/zgoda", KEK: KEK{Credentials: "token", CA: "/ca.pem"}}
	if k := c.KEKFiles(); k.Credentials != "/etc/zgoda/token" || k.CA != "/ca.pem" || k.PINFile != "" {
		t.Errorf("%+v", k)
	}
}
