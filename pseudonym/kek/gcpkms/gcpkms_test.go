package gcpkms_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/gcpkms"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/private"
)

func config(t *testing.T, far *kektest.GCP, key string) reach.Config {
	t.Helper()
	u, err := uri.Parse(far.URI(key))
	if err != nil {
		t.Fatal(err)
	}
	return reach.Config{URI: u, Credentials: far.Account, CA: far.CA, Endpoint: far.Address, Within: 2 * time.Second}
}

func opener(far *kektest.GCP, key string) func(t *testing.T) kek.Provider {
	return func(t *testing.T) kek.Provider {
		t.Helper()
		p, err := gcpkms.Open(t.Context(), config(t, far, key))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestContract(t *testing.T) {
	far := kektest.NewGCP(t)
	kektest.Contract(t, kektest.Case{
		Open: opener(far, "kek"), Other: opener(far, "other"), Away: far.Away, Secrets: []string{far.Secret},
	})
}

// What the far end denies is told as its refusal, without its words, and so is a
// file of credentials that others may read.
func TestDenied(t *testing.T) {
	far := kektest.NewGCP(t)
	p := opener(far, "kek")(t)
	far.Denied.Store(true)
	_, err := p.Wrap(t.Context(), []byte("key"), nil)
	if !errors.Is(err, kek.ErrRefused) || strings.Contains(err.Error(), "canary") {
		t.Errorf("denied: %v", err)
	}
	if err := os.Chmod(far.Account, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := gcpkms.Open(t.Context(), config(t, far, "kek")); !errors.Is(err, private.ErrOpenToOthers) {
		t.Errorf("open to others: %v", err)
	}
}

func TestMissing(t *testing.T) {
	far := kektest.NewGCP(t)
	if _, err := opener(far, "none")(t).Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrMissing) {
		t.Error(err)
	}
}
