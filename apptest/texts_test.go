package apptest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const textsConfig = `sites:
  - id: shop
    keys: {public: [pk_shop_0001]}
    origins: ["https://shop.example"]
    controller: {name: Shop, address: "1 Road", establishment: SK, contact: dpo@shop.example}
    purposes:
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, version: VERSION, data: [DATA], text: {en: "WORDS"}}
`

// TestTextsStayReadable: what was shown stays readable; a text or a scope that
// changes under one version is refused at start and by check, with what to do; a
// new version starts, and the old words are still there.
func TestTextsStayReadable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "zgoda.yaml")
	configure := func(version, data, words string) {
		t.Helper()
		text := strings.NewReplacer("VERSION", version, "DATA", data, "WORDS", words).Replace(textsConfig)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("1", "pages", "May we count?")
	s := up(t, "--config", file)
	s.stop(t)
	again := []string{"up", "--demo", "--data", s.data, "--public", "127.0.0.1:0", "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--config", file}
	for name, c := range map[string]struct{ data, words, key, what string }{
		"words": {"pages", "May we count and sell?", "text.en", "the wording"},
		"scope": {"pages, purchases", "May we count?", "data", "the scope"},
	} {
		configure("1", c.data, c.words)
		for _, command := range [][]string{again, {"check", "--config", file}} {
			_, errs, code := s.zgoda(t, "", command...)
			for _, want := range []string{"site shop", "purpose analytics", c.key, c.what, "raise version to 2"} {
				if code == 0 || !strings.Contains(errs, want) {
					t.Errorf("%s, %s: code %d, %q is not said: %s", name, command[0], code, want, tail(errs, 600))
				}
			}
		}
	}
	configure("2", "pages, purchases", "May we count and sell?")
	if out, errs, code := s.zgoda(t, "", "check", "--config", file); code != 0 || !strings.Contains(out, "have a version of their own (5 are kept)") {
		t.Errorf("check of a new version: %d %s %s", code, tail(out, 300), errs)
	}
	s.start(t, host(t, s.public))
	out, errs, code := s.zgoda(t, "", "ledger", "texts", "--data", s.data, "--site", "shop")
	if code != 0 {
		t.Fatalf("ledger texts: %d %s", code, errs)
	}
	for _, want := range []string{"version 1, of Shop", "en: May we count?\n", "version 2, of Shop", "en: May we count and sell?\n", `data: ["pages","purchases"]`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
}
