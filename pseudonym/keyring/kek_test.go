package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/pseudonym/kek"
)

// elsewhere is a key-encryption key of a provider that keeps every version of it.
type elsewhere struct {
	uri  string
	aead *subtle.XChaCha20Poly1305
	away bool
}

func newElsewhere(t *testing.T, uri string) *elsewhere {
	t.Helper()
	aead, err := subtle.NewXChaCha20Poly1305([]byte("a key that stays, of thirty-two."))
	must(t, err)
	return &elsewhere{uri: uri, aead: aead}
}

func (e *elsewhere) Describe() string { return e.uri }
func (e *elsewhere) Close() error     { return nil }

func (e *elsewhere) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	if e.away {
		return nil, kek.ErrAway
	}
	return e.aead.Encrypt(plain, append([]byte(e.uri), bind...))
}

func (e *elsewhere) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	if e.away {
		return nil, kek.ErrAway
	}
	plain, err := e.aead.Decrypt(wrapped, append([]byte(e.uri), bind...))
	if err != nil {
		return nil, kek.ErrWrong
	}
	return plain, nil
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestChangeOfProvider: from the file to one elsewhere and on to another, while
// the ring is open; each start after it needs the new one, and the old file is gone.
func TestChangeOfProvider(t *testing.T) {
	dir := t.TempDir()
	r, c, d := recorded(t, dir, date(2026, 11, 15, 12))
	visitor, contact := derive(t, r, 0)
	one, two := newElsewhere(t, "hcvault://one"), newElsewhere(t, "aws-kms://two")
	for _, to := range []*elsewhere{one, two} {
		must(t, r.RenewWrapping(t.Context(), to))
		if r.KEK() != to.uri {
			t.Errorf("%s is in use", r.KEK())
		}
		if uris, err := Providers(dir); err != nil || !slices.Equal(uris, []string{to.uri}) {
			t.Errorf("%v, %v", uris, err)
		}
		again, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: to})
		must(t, err)
		if v, k := derive(t, again, 0); v != visitor || k != contact {
			t.Error("pseudonyms changed with the provider")
		}
	}
	if got := files(t, filepath.Join(dir, "kek")); !slices.Equal(got, []string{"kek-shred.key"}) {
		t.Errorf("files %q", got)
	}
	if !d.has("left kek") || !d.has("current kek") {
		t.Errorf("records %v", d.acts)
	}
	if _, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: one}); !errors.Is(err, errOtherKEK) {
		t.Errorf("the provider before still opens: %v", err)
	}
	two.away = true
	if _, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: two}); !errors.Is(err, kek.ErrAway) {
		t.Errorf("error %v", err)
	}
}

// TestProviderThatIsAwayLosesNothing: a re-wrap that cannot reach it changes
// nothing that the next start needs.
func TestProviderThatIsAwayLosesNothing(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	visitor, _ := derive(t, r, 0)
	away := newElsewhere(t, "hcvault://one")
	away.away = true
	if err := r.RenewWrapping(t.Context(), away); !errors.Is(err, kek.ErrAway) {
		t.Fatalf("error %v", err)
	}
	again := reopen(t, dir, c)
	if v, _ := derive(t, again, 0); v != visitor {
		t.Error("pseudonyms changed")
	}
	must(t, again.RenewWrapping(t.Context(), nil))
	reopen(t, dir, c)
}

// TestShredKeyClosesCopies: with a provider that destroys nothing, a copy of
// keys/ from before opens until the re-wrap, and not after it.
func TestShredKeyClosesCopies(t *testing.T) {
	dir := t.TempDir()
	c := &clock{at: date(2026, 11, 15, 12)}
	provider := newElsewhere(t, "aws-kms://two")
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: provider})
	must(t, err)
	copied := t.TempDir()
	copyTree(t, filepath.Join(dir, "keys"), filepath.Join(copied, "keys"))
	try := func() error {
		thief := t.TempDir()
		copyTree(t, filepath.Join(copied, "keys"), filepath.Join(thief, "keys"))
		copyTree(t, filepath.Join(dir, "kek"), filepath.Join(thief, "kek"))
		_, err := Open(t.Context(), Config{Dir: thief, Now: c.now, KEK: provider})
		return err
	}
	must(t, try())
	must(t, r.RenewWrapping(t.Context(), nil))
	if err := try(); !errors.Is(err, errOtherKEK) {
		t.Errorf("a copy from before opens: %v", err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: provider}); err != nil {
		t.Errorf("the folder itself does not: %v", err)
	}
}

// TestChangeOfProviderIsResumed: killed after any write, the next start with the
// new provider, or with the old one before the switch, comes to the end.
func TestChangeOfProviderIsResumed(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		c := &clock{at: date(2026, 11, 15, 12)}
		left := 1 << 30
		wrapShelf = func(s Shelf) Shelf { return &faulty{Shelf: s, left: &left} }
		r, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
		wrapShelf = nil
		must(t, err)
		visitor, _ := derive(t, r, 0)
		to := newElsewhere(t, "hcvault://one")
		left = n
		failed := r.RenewWrapping(t.Context(), to)
		again, err := Open(t.Context(), Config{Dir: dir, Now: c.now, KEK: to})
		if err != nil { // not gone over yet
			again = reopen(t, dir, c)
			must(t, again.RenewWrapping(t.Context(), to))
		} else {
			must(t, again.RenewWrapping(t.Context(), nil))
		}
		if v, _ := derive(t, again, 0); v != visitor {
			t.Fatalf("after %d writes: pseudonyms changed", n)
		}
		if got := files(t, filepath.Join(dir, "kek")); !slices.Equal(got, []string{"kek-shred.key"}) {
			t.Fatalf("after %d writes: files %q", n, got)
		}
		if failed == nil {
			if n < 15 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
	}
}

// TestKilledWhileFilesChange: whatever a kill leaves beside the keys, half a new file
// or half an overwritten one, the folder opens, and nothing of it stays.
func TestKilledWhileFilesChange(t *testing.T) {
	dir := t.TempDir()
	at := date(2026, 6, 15, 12)
	open(t, dir, at)
	keys := filepath.Join(dir, "keys")
	left := []string{"wrapping-0002.key.tmp", "wrapping-0000.key.gone.tmp", "gate.keyset.gone.tmp"}
	for _, name := range left {
		if err := os.WriteFile(filepath.Join(keys, name), []byte("noise"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if uris, err := Providers(dir); err != nil || len(uris) != 1 {
		t.Fatalf("%q: %v", uris, err)
	}
	open(t, dir, at)
	for _, name := range left {
		if _, err := os.Lstat(filepath.Join(keys, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestDestructionKilled: a destruction that was killed after the name went is ended by
// doing it again.
func TestDestructionKilled(t *testing.T) {
	f := folder(t.TempDir())
	gone := f.path("x.keyset") + ".gone.tmp"
	if err := os.WriteFile(gone, []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Destroy(t.Context(), "x.keyset"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is left")
	}
}
