package transit_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/transit"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/private"
)

func config(t *testing.T, far *kektest.Vault, key string) reach.Config {
	t.Helper()
	u, err := uri.Parse(far.URI(key))
	if err != nil {
		t.Fatal(err)
	}
	return reach.Config{URI: u, Credentials: far.Token, CA: far.CA, MayMake: true, Within: 2 * time.Second}
}

func opener(far *kektest.Vault, key string) func(t *testing.T) kek.Provider {
	return func(t *testing.T) kek.Provider {
		t.Helper()
		p, err := transit.Open(t.Context(), config(t, far, key))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestContract(t *testing.T) {
	far := kektest.NewVault(t)
	kektest.Contract(t, kektest.Case{
		Open: opener(far, "kek"), Other: opener(far, "other"), Away: far.Away, Secrets: []string{kektest.VaultToken}, Renews: true,
	})
}

// What the far end denies is told as its refusal, without its words, and so is a
// file of credentials that others may read.
func TestDenied(t *testing.T) {
	far := kektest.NewVault(t)
	p := opener(far, "kek")(t)
	far.Denied.Store(true)
	_, err := p.Wrap(t.Context(), []byte("key"), nil)
	if !errors.Is(err, kek.ErrRefused) || strings.Contains(err.Error(), "canary") {
		t.Errorf("denied: %v", err)
	}
	if err := os.Chmod(far.Token, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := transit.Open(t.Context(), config(t, far, "kek")); !errors.Is(err, private.ErrOpenToOthers) {
		t.Errorf("open to others: %v", err)
	}
}

func TestMissing(t *testing.T) {
	far := kektest.NewVault(t)
	c := config(t, far, "none")
	c.MayMake = false
	if _, err := transit.Open(t.Context(), c); !errors.Is(err, kek.ErrMissing) {
		t.Error(err)
	}
	c.Credentials = ""
	if _, err := transit.Open(t.Context(), c); err == nil {
		t.Error("opened without a token")
	}
}

// A token that was replaced in its file is the one that is sent.
func TestTokenRenewed(t *testing.T) {
	far := kektest.NewVault(t)
	p := opener(far, "kek")(t)
	write := func(token string) {
		if err := private.WriteFile(far.Token, []byte(token)); err != nil {
			t.Fatal(err)
		}
	}
	write("hvs.old\n")
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrRefused) {
		t.Error(err)
	}
	write(kektest.VaultToken + "\n")
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); err != nil {
		t.Error(err)
	}
}

// Nobody but the server of the certificate that is believed gets the token.
func TestAnotherServer(t *testing.T) {
	far, other := kektest.NewVault(t), kektest.NewVault(t)
	c := config(t, far, "kek")
	c.CA = other.CA
	p, err := transit.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrAway) {
		t.Error(err)
	}
}
