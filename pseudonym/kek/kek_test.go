package kek

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/pseudonym/private"
)

const phrase = "correct horse battery staple"

func say(text string) func(context.Context, bool) ([]byte, error) {
	return func(context.Context, bool) ([]byte, error) { return []byte(text), nil }
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := private.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A key file of the first version, and what was wrapped under it then, open.
func TestFirstKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kek")
	key := bytes.Repeat([]byte{7}, 32)
	if err := private.MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	line := "zgoda-kek-1 " + hex.EncodeToString(key) + "\n"
	if err := private.WriteFile(filepath.Join(dir, "kek.key"), []byte(line)); err != nil {
		t.Fatal(err)
	}
	old, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := old.Encrypt([]byte("text"), []byte("bind"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Unwrap(t.Context(), wrapped, []byte("bind")); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if now := content(t, filepath.Join(dir, "kek.key")); now != line {
		t.Errorf("the file was changed to %d bytes", len(now))
	}
	if p.Describe() != "file:" {
		t.Error(p.Describe())
	}
}

// What Destroy removes from a key file is gone from the file's blocks as well.
func TestDestroyedKeyIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kek")
	p, err := Open(t.Context(), Config{Dir: dir, MayMake: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kek.key")
	old := strings.TrimSpace(strings.TrimPrefix(content(t, path), "zgoda-kek-1 "))
	var names []string
	keep := func() { // a second name keeps the blocks within sight
		name := filepath.Join(t.TempDir(), "blocks")
		if err := os.Link(path, name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	keep()
	version, err := p.(Renewer).Renew(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(content(t, path), old) {
		t.Fatal("the old key is not there any more: the test proves nothing")
	}
	keep()
	if err := p.(Renewer).Destroy(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, path) {
		if strings.Contains(content(t, name), old) {
			t.Errorf("%s holds the destroyed key", name)
		}
	}
	if err := p.(Retirer).Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestMissingAndDamaged(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "kek")
	if _, err := Open(ctx, Config{Dir: dir}); !errors.Is(err, ErrMissing) {
		t.Errorf("no key: %v", err)
	}
	if _, err := Open(ctx, Config{URI: "passphrase:", Dir: dir, Passphrase: say(phrase)}); !errors.Is(err, ErrMissing) {
		t.Errorf("no parameters: %v", err)
	}
	secret := strings.Repeat("ab", 32)
	for name, text := range map[string]string{
		"empty": "", "another word": "kek " + secret, "short": "zgoda-kek-1 abcd\n", "no hexadecimals": "zgoda-kek-1 " + strings.Repeat("zz", 32),
		"an empty line": "zgoda-kek-1 " + secret + "\n\n", "many": strings.Repeat("zgoda-kek-1 "+secret+"\n", maxLines+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, "kek.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(ctx, Config{Dir: dir, MayMake: true}); !errors.Is(err, errForm) || strings.Contains(err.Error(), "abab") || strings.Contains(err.Error(), "zz") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "kek.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, Config{Dir: dir}); !errors.Is(err, private.ErrOpenToOthers) {
		t.Errorf("open to others: %v", err)
	}
	for _, given := range []string{"s3://x", "pkcs11:token=a;object=b?module-path=/m.so&pin-value=1234", "passphrase:" + phrase} {
		if _, err := Open(ctx, Config{URI: given, Dir: dir}); err == nil || strings.Contains(err.Error(), "1234") || strings.Contains(err.Error(), "horse") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(ctx, Config{URI: "hcvault://h/transit/keys/k", Dir: dir}); !errors.Is(err, ErrNoSocket) {
		t.Error(err)
	}
}

func TestPassphrase(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "kek")
	config := func(text string, mayMake bool) Config {
		return Cheap(Config{URI: "passphrase:", Dir: dir, Passphrase: say(text), MayMake: mayMake})
	}
	if _, err := Open(ctx, config("too short", true)); !errors.Is(err, ErrWeak) {
		t.Errorf("weak: %v", err)
	}
	if _, err := Open(ctx, Config{URI: "passphrase:", Dir: dir, MayMake: true}); !errors.Is(err, ErrNoAsking) {
		t.Errorf("nobody to ask: %v", err)
	}
	var asked []bool
	c := config("", true)
	c.Passphrase = func(_ context.Context, first bool) ([]byte, error) {
		asked = append(asked, first)
		return []byte("caf\u00e9 " + phrase), nil
	}
	p, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := p.Wrap(ctx, []byte("key"), []byte("bind"))
	if err != nil {
		t.Fatal(err)
	}
	// The same passphrase in another keyboard's spelling.
	again, err := Open(ctx, config("cafe\u0301 "+phrase, false))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Unwrap(ctx, wrapped, []byte("bind")); err != nil || string(got) != "key" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Open(ctx, c); err != nil || len(asked) != 2 || !asked[0] || asked[1] {
		t.Errorf("asked %v, %v", asked, err)
	}
	for _, wrong := range []string{"caf\u00e9 " + phrase + " ", phrase, "", strings.Repeat("x", 2000)} {
		if _, err := Open(ctx, config(wrong, true)); !errors.Is(err, ErrPassphrase) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%.40q: %v", wrong, err)
		}
	}
	checkParameters(t, filepath.Join(dir, "passphrase.conf"), config("caf\u00e9 "+phrase, false))
}

// Altered parameters are refused before anything is derived from them, or at
// the check.
func checkParameters(t *testing.T, path string, c Config) {
	t.Helper()
	good := content(t, path)
	for _, change := range [][2]string{
		{" t=1 ", " t=0 "},
		{" t=1 ", " t=2 "},
		{"m=8192", "m=99999999"},
		{"p=1", "p=0"},
		{"argon2id", "argon2i"},
		{"salt=", "salt=00"},
		{"check=", "check=00"},
		{"\n", "\nmore"},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(good, change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), c); !errors.Is(err, errParameters) && !errors.Is(err, ErrPassphrase) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// What a guess costs is not cheap where nobody asked for that.
func TestDefaultCost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kek")
	c := Config{URI: "passphrase:b", Dir: dir, Passphrase: say(phrase), MayMake: true}
	for range 2 {
		if _, err := Open(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if conf := content(t, filepath.Join(dir, "passphrase-b.conf")); !strings.Contains(conf, " argon2id t=3 m=262144 p=2 ") {
		t.Error(conf)
	}
}

func FuzzParameters(f *testing.F) {
	f.Add([]byte("zgoda-passphrase-1 argon2id t=3 m=262144 p=2 salt=000102030405060708090a0b0c0d0e0f check=00\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := parseParameters(content)
		if err == nil && (!bytes.Equal(p.text(), content) || p.check == nil || p.cost.check() != nil) {
			t.Errorf("%q was accepted", content)
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add("zgoda-kek-1 " + strings.Repeat("00", 32) + "\n")
	f.Fuzz(func(t *testing.T, content string) {
		versions, err := parseLines(content)
		if err != nil {
			return
		}
		again, err := parseLines(string(text(versions)))
		if err != nil || len(again) != len(versions) || again[0].name != versions[0].name {
			t.Errorf("%q: %v", content, err)
		}
	})
}

// A retirement that was killed is ended by the next look at the key, which is then
// missing and not damaged.
func TestRetirementKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kek")
	if _, err := Open(t.Context(), Config{Dir: dir, MayMake: true}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kek.key")
	if err := os.Rename(path, path+".gone.tmp"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir}); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
