package uri_test

import (
	"errors"
	"strings"
	"testing"

	"zgoda/pseudonym/kek/uri"
)

func TestParse(t *testing.T) {
	const arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	tests := map[string]struct {
		text   string
		scheme uri.Scheme
		helped bool
		err    error
	}{
		"nothing":             {"", uri.File, false, nil},
		"file":                {"file:", uri.File, false, nil},
		"named file":          {"file:2026-b", uri.File, false, nil},
		"file with a path":    {"file:/etc/kek", "", false, uri.ErrForm},
		"file upwards":        {"file:..", "", false, uri.ErrForm},
		"passphrase":          {"passphrase:", uri.Passphrase, false, nil},
		"a passphrase itself": {"passphrase:correct horse battery staple", "", false, uri.ErrForm},
		"vault":               {"hcvault://vault.corp:8200/transit/keys/zgoda", uri.Transit, true, nil},
		"vault, long mount":   {"hcvault://vault.corp/team/transit/keys/zgoda", uri.Transit, true, nil},
		"vault with a token":  {"hcvault://hvs.secret@vault.corp/transit/keys/zgoda", "", false, uri.ErrSecret},
		"vault with a query":  {"hcvault://vault.corp/transit/keys/zgoda?token=hvs.secret", "", false, uri.ErrSecret},
		"vault without a key": {"hcvault://vault.corp/transit", "", false, uri.ErrForm},
		"vault upwards":       {"hcvault://vault.corp/transit/keys/a%2Fb", "", false, uri.ErrForm},
		"aws":                 {"aws-kms://" + arn, uri.AWS, true, nil},
		"aws alias":           {"aws-kms://arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/zgoda", uri.AWS, true, nil},
		"aws without arn":     {"aws-kms://zgoda", "", false, uri.ErrForm},
		"gcp":                 {"gcp-kms://projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k", uri.GCP, true, nil},
		"gcp version":         {"gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "", false, uri.ErrForm},
		"token":               {"pkcs11:token=zgoda;object=kek?module-path=/usr/lib/softhsm/libsofthsm2.so", uri.PKCS11, true, nil},
		"token, escaped":      {"pkcs11:token=z%20g;object=kek;type=secret-key?module-path=/m.so", uri.PKCS11, true, nil},
		"token with a PIN":    {"pkcs11:token=zgoda;object=kek?module-path=/m.so&pin-value=secret", "", false, uri.ErrSecret},
		"token, no module":    {"pkcs11:token=zgoda;object=kek", "", false, uri.ErrForm},
		"token, near module":  {"pkcs11:token=zgoda;object=kek?module-path=m.so", "", false, uri.ErrForm},
		"token, zero byte":    {"pkcs11:token=zgoda;object=kek?module-path=/m%00.so", "", false, uri.ErrForm},
		"token, other type":   {"pkcs11:token=zgoda;object=kek;type=private?module-path=/m.so", "", false, uri.ErrForm},
		"another":             {"s3://bucket", "", false, uri.ErrScheme},
		"no scheme":           {"kek", "", false, uri.ErrScheme},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := uri.Parse(test.text)
			if !errors.Is(err, test.err) || err == nil && (got.Scheme != test.scheme || got.Helped() != test.helped) {
				t.Errorf("%+v, %v", got, err)
			}
			if err == nil && test.text != "" && got.String() != test.text {
				t.Errorf("prints as %s", got)
			}
			if err != nil && (strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "=secret")) {
				t.Errorf("the error tells: %v", err)
			}
		})
	}
}

func TestLocalFile(t *testing.T) {
	for text, want := range map[string]string{
		"": "kek.key", "file:b": "kek-b.key", "passphrase:": "passphrase.conf", "passphrase:b": "passphrase-b.conf", "hcvault://h/transit/keys/k": "",
	} {
		u, err := uri.Parse(text)
		if err != nil || u.LocalFile() != want {
			t.Errorf("%q: %q, %v", text, u.LocalFile(), err)
		}
	}
}

func TestParseToken(t *testing.T) {
	got, err := uri.ParseToken("token=z%20g;object=kek?module-path=/m.so")
	if want := (uri.Token{Label: "z g", Object: "kek", Module: "/m.so"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is accepted is what is printed, and is accepted again.
func FuzzParse(f *testing.F) {
	f.Add("pkcs11:token=zgoda;object=kek?module-path=/m.so")
	f.Add("hcvault://vault.corp:8200/transit/keys/zgoda")
	f.Add("passphrase:a")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := uri.Parse(text)
		if err != nil || text == "" {
			return
		}
		again, err := uri.Parse(u.String())
		if err != nil || again != u || u.String() != text {
			t.Errorf("%q became %+v, %v", text, again, err)
		}
	})
}
