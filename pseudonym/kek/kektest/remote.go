package kektest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/private"
)

// Remote is a far end and how to reach it.
type Remote interface {
	// Config reaches a key of it, kek and other being there.
	Config(t *testing.T, key string) reach.Config
	// Deny refuses all that is asked from now on.
	Deny()
}

// Config reaches a key.
func (a *AWS) Config(t *testing.T, key string) reach.Config {
	t.Helper()
	return reach.Config{URI: parsed(t, a.URI(key)), Credentials: a.Credentials, CA: a.CA, Endpoint: a.Endpoint(), Within: 2 * time.Second}
}

// Config reaches a key.
func (g *GCP) Config(t *testing.T, key string) reach.Config {
	t.Helper()
	return reach.Config{URI: parsed(t, g.URI(key)), Credentials: g.Account, CA: g.CA, Endpoint: g.Address, Within: 2 * time.Second}
}

// Config reaches a key, and makes it where there is none.
func (v *Vault) Config(t *testing.T, key string) reach.Config {
	t.Helper()
	return reach.Config{URI: parsed(t, v.URI(key)), Credentials: v.Token, CA: v.CA, MayMake: true, Within: 2 * time.Second}
}

func parsed(t *testing.T, text string) uri.URI {
	t.Helper()
	u, err := uri.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Opener opens a key of a far end by a provider's own function.
func Opener[P kek.Provider](far Remote, key string, open func(context.Context, reach.Config) (P, error)) func(t *testing.T) kek.Provider {
	return func(t *testing.T) kek.Provider {
		t.Helper()
		p, err := open(t.Context(), far.Config(t, key))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// Denied checks that what the far end denies is told as its refusal, without its
// words, and so is a file of credentials that others may read.
func Denied[P kek.Provider](t *testing.T, far Remote, open func(context.Context, reach.Config) (P, error)) {
	t.Helper()
	p := Opener(far, "kek", open)(t)
	far.Deny()
	_, err := p.Wrap(t.Context(), []byte("key"), nil)
	if !errors.Is(err, kek.ErrRefused) || strings.Contains(err.Error(), "canary") {
		t.Errorf("denied: %v", err)
	}
	cfg := far.Config(t, "kek")
	if err := os.Chmod(cfg.Credentials, 0o644); err != nil { //nolint:gosec // what is under test
		t.Fatal(err)
	}
	if _, err := open(t.Context(), cfg); !errors.Is(err, private.ErrOpenToOthers) {
		t.Errorf("open to others: %v", err)
	}
}
