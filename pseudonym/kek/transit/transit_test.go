package transit_test

import (
	"errors"
	"testing"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/transit"
	"zgoda/pseudonym/private"
)

func TestContract(t *testing.T) {
	far := kektest.NewVault(t)
	kektest.Contract(t, kektest.Case{
		Open: kektest.Opener(far, "kek", transit.Open), Other: kektest.Opener(far, "other", transit.Open), Away: far.Away,
		Secrets: []string{kektest.VaultToken}, Renews: true,
	})
}

func TestDenied(t *testing.T) { kektest.Denied(t, kektest.NewVault(t), transit.Open) }

func TestMissing(t *testing.T) {
	far := kektest.NewVault(t)
	c := far.Config(t, "none")
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
	p := kektest.Opener(far, "kek", transit.Open)(t)
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
	c := far.Config(t, "kek")
	c.CA = other.CA
	p, err := transit.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrAway) {
		t.Error(err)
	}
}
