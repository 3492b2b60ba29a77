package kek_test

import (
	"context"
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
