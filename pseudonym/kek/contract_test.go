package kek_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
)

func local(c kek.Config, secrets ...string) kektest.Case {
	open := func(uri string) func(t *testing.T) kek.Provider {
		return func(t *testing.T) kek.Provider {
			t.Helper()
			mine := c
			mine.URI += uri
			p, err := kek.Open(t.Context(), mine)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	return kektest.Case{Open: open(""), Other: open("other"), Renews: c.URI == "file:", Secrets: secrets}
}

func TestFileContract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kek")
	c := kek.Config{URI: "file:", Dir: dir, MayMake: true}
	if _, err := kek.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "kek.key"))
	if err != nil {
		t.Fatal(err)
	}
	kektest.Contract(t, local(c, strings.Fields(string(content))[1]))
}

func TestPassphraseContract(t *testing.T) {
	const phrase = "a passphrase for the suite"
	kektest.Contract(t, local(kek.Cheap(kek.Config{
		URI: "passphrase:", Dir: filepath.Join(t.TempDir(), "kek"), MayMake: true,
		Passphrase: func(context.Context, bool) ([]byte, error) { return []byte(phrase), nil },
	}), phrase))
}

// A key in memory alone opens what it wrapped, and nothing opens what another one
// did, nor what is left when it is closed.
func TestPassing(t *testing.T) {
	one, err := kek.Passing()
	if err != nil {
		t.Fatal(err)
	}
	other, err := kek.Passing()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := one.Wrap(t.Context(), []byte("key"), []byte("bind"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := one.Unwrap(t.Context(), wrapped, []byte("bind")); err != nil || string(plain) != "key" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := one.Unwrap(t.Context(), wrapped, []byte("other")); !errors.Is(err, kek.ErrWrong) {
		t.Errorf("another bind: %v", err)
	}
	if _, err := other.Unwrap(t.Context(), wrapped, []byte("bind")); !errors.Is(err, kek.ErrWrong) {
		t.Errorf("another key: %v", err)
	}
	if _, err := one.Wrap(t.Context(), make([]byte, kek.MaxPlain+1), nil); !errors.Is(err, kek.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	if err := errors.Join(one.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}
