package pkcs11_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/pkcs11"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/private"
)

// hsm is the token of this process.
var hsm kektest.SoftHSM

// folder tells the process that runs the tests where its token is.
const folder = "ZGODA_TEST_SOFTHSM"

// TestMain makes a token, and runs the tests in a process that has its variable
// from the start.
func TestMain(m *testing.M) {
	if dir := os.Getenv(folder); dir != "" {
		hsm = kektest.SoftHSM{Conf: os.Getenv("SOFTHSM2_CONF"), Module: os.Getenv(folder + "_MODULE"), PIN: filepath.Join(dir, "pin")}
		os.Exit(m.Run())
	}
	os.Exit(around())
}

func around() int {
	dir, err := os.MkdirTemp("", "softhsm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a test
	token, err := kektest.NewSoftHSM(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	self := exec.Command(os.Args[0], os.Args[1:]...)
	self.Env = append(os.Environ(), token.Environ(), folder+"="+dir, folder+"_MODULE="+token.Module)
	self.Stdout, self.Stderr = os.Stdout, os.Stderr
	if err := self.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func config(t *testing.T, object string) reach.Config {
	t.Helper()
	u, err := uri.Parse(hsm.URI(object))
	if err != nil {
		t.Fatal(err)
	}
	return reach.Config{URI: u, PIN: hsm.PIN, MayMake: true}
}

func opener(object string) func(t *testing.T) kek.Provider {
	return func(t *testing.T) kek.Provider {
		t.Helper()
		p, err := pkcs11.Open(t.Context(), config(t, object))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestContract(t *testing.T) {
	kektest.Contract(t, kektest.Case{Open: opener("kek"), Other: opener("other"), Renews: true, Secrets: []string{kektest.SoftPIN}})
}

// A key that pkcs11-tool made serves, and what was wrapped before a renewal has
// gone from the token after it, as pkcs11-tool sees it too.
func TestStrangersKey(t *testing.T) {
	if out, err := hsm.Tool("--keygen", "--key-type", "AES:32", "--label", "stranger", "--id", "0a", "--sensitive"); err != nil {
		t.Fatal(out)
	}
	c := config(t, "stranger")
	c.MayMake = false
	p, err := pkcs11.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := p.Wrap(t.Context(), []byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	version, err := p.Renew(t.Context())
	if err != nil || version != "000000000000000b" {
		t.Fatalf("%q, %v", version, err)
	}
	if err := p.Destroy(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Unwrap(t.Context(), wrapped, nil); !errors.Is(err, kek.ErrMissing) {
		t.Error(err)
	}
	out, err := hsm.Tool("--list-objects", "--type", "secrkey")
	if err != nil || strings.Contains(out, "ID:         0a\n") || !strings.Contains(out, "ID:         000000000000000b\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRefused(t *testing.T) {
	ctx := t.Context()
	if out, err := hsm.Tool("--keygen", "--key-type", "AES:32", "--label", "loose", "--id", "01", "--extractable"); err != nil {
		t.Fatal(out)
	}
	if _, err := pkcs11.Open(ctx, config(t, "loose")); !errors.Is(err, pkcs11.ErrExtractable) || !errors.Is(err, kek.ErrRefused) {
		t.Errorf("extractable: %v", err)
	}
	c := config(t, "none")
	c.MayMake = false
	if _, err := pkcs11.Open(ctx, c); !errors.Is(err, kek.ErrMissing) {
		t.Errorf("no key: %v", err)
	}
	c.PIN = filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(c.PIN, []byte("wrong-canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pkcs11.Open(ctx, c); !errors.Is(err, kek.ErrRefused) || strings.Contains(err.Error(), "canary") {
		t.Errorf("wrong PIN: %v", err)
	}
	if err := os.Chmod(c.PIN, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pkcs11.Open(ctx, c); !errors.Is(err, private.ErrOpenToOthers) {
		t.Errorf("PIN open to others: %v", err)
	}
	c = config(t, "kek")
	c.PIN = ""
	if _, err := pkcs11.Open(ctx, c); err == nil {
		t.Error("opened without a PIN")
	}
}

// A token that is not there is away, and not a reason to end.
func TestAway(t *testing.T) {
	c := config(t, "kek")
	c.URI.Rest = strings.Replace(c.URI.Rest, "token=zgoda", "token=elsewhere", 1)
	p, err := pkcs11.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrAway) {
		t.Error(err)
	}
}

func TestLibraries(t *testing.T) {
	loose := filepath.Join(t.TempDir(), "m.so")
	if err := os.WriteFile(loose, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loose, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"open to others": loose, "missing": "/none/m.so", "no library": os.Args[0]} {
		c := config(t, "kek")
		c.URI.Rest = strings.Replace(c.URI.Rest, hsm.Module, path, 1)
		if _, err := pkcs11.Open(t.Context(), c); err == nil {
			t.Errorf("%s was loaded", name)
		}
	}
}
