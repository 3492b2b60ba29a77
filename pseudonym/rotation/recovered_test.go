package rotation

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/vault"
)

// TestNothingDeletedIsRecovered: a copy is kept of every file that the keyholder
// ever wrote; a contact is deleted; salts and keys are sealed anew. Then every
// key that can still be had is tried at every place of every copy. Before the
// re-wrap the same search finds the contact, and after it it still finds another
// one, who was not deleted.
func TestNothingDeletedIsRecovered(t *testing.T) {
	t.Run("key-encryption key in a file", func(t *testing.T) {
		h := newHolder(t)
		h.must(os.Mkdir(filepath.Join(h.dir, "kek"), 0o700))
		nothingIsRecovered(t, h, "kek") // whoever copies the file that opens everything has everything
	})
	t.Run("provider that keeps every version", func(t *testing.T) {
		h := newHolder(t)
		h.kek = keeps(t)
		nothingIsRecovered(t, h, "kek")
	})
	t.Run("SoftHSM", func(t *testing.T) {
		h := newHolder(t)
		h.kek = softHSM(t)
		nothingIsRecovered(t, h, "") // a copy of all that is outside the token
	})
}

// nothingIsRecovered runs the whole story.
func nothingIsRecovered(t *testing.T, h *holder, except string) {
	t.Helper()
	h.batch = 7
	h.must(h.open())
	m := newMuseum(t, h.dir, except, "keys", "vault")
	h.step = func() error { // before each act on a key or the vault, beside what the kernel tells
		m.collect()
		return nil
	}
	const people, deleted, kept = 20, 4, 11
	h.mint(0, people)
	ids := map[int]vault.ContactID{}
	for n := range people {
		d := h.deriver()
		id, err := h.vault.Contact(t.Context(), d.Index(numbered(n)))
		d.Release()
		h.must(err)
		ids[n] = id
		h.must(h.vault.Update(t.Context(), id, func(c vault.Contents) error {
			_, err := c.DEK() // it has something to seal
			return err
		}))
	}
	// One re-wrap before: what is deleted was under an older slot key, too.
	h.must(h.rotator.Start(t.Context(), Slot, Options{}))
	h.must(h.rotator.Work(t.Context()))
	m.collect()
	h.must(h.vault.Forget(t.Context(), ids[deleted]))
	m.collect()

	before := newThief(t, m.exhibits(), h.thiefsKEK(), h.thiefsShred())
	if salt, dek := before.recover(ids[deleted]); !salt || !dek {
		t.Fatalf("before the re-wrap the search finds salt %v and key %v: it proves nothing", salt, dek)
	}
	h.must(h.rotator.Start(t.Context(), Slot, Options{}))
	h.must(h.rotator.Work(t.Context()))
	m.collect()

	loot := m.exhibits()
	after := newThief(t, loot, h.thiefsKEK(), h.thiefsShred())
	if salt, dek := after.recover(ids[deleted]); salt || dek {
		t.Errorf("after the re-wrap: salt %v, key %v of a deleted contact recovered", salt, dek)
	}
	if salt, dek := after.recover(ids[kept]); !salt || !dek {
		t.Errorf("after the re-wrap the search does not find one who is there: salt %v, key %v", salt, dek)
	}
	t.Logf("%d copies of files, %d keys before the re-wrap and %d after: a deleted contact's salt and key are found before, and not after", len(loot), len(before.keys), len(after.keys))
	if _, err := h.handles(deleted); err == nil {
		t.Error("the deleted contact is known")
	}
}

// thiefsKEK is the key-encryption key as it is now.
func (h *holder) thiefsKEK() kek.Provider {
	h.tb.Helper()
	if h.kek != nil {
		return h.kek
	}
	p, err := kek.Open(context.Background(), kek.Config{URI: "file:", Dir: filepath.Join(h.dir, "kek")})
	h.must(err)
	return p
}

// thiefsShred is the shred key as it is now, if there is one.
func (h *holder) thiefsShred() kek.Provider {
	h.tb.Helper()
	if _, err := os.Stat(filepath.Join(h.dir, "kek", "kek-shred.key")); err != nil {
		return nil
	}
	p, err := kek.Open(context.Background(), kek.Config{URI: "file:shred", Dir: filepath.Join(h.dir, "kek")})
	h.must(err)
	return p
}

// keeping is a key-encryption key that can never be destroyed.
type keeping struct{ *subtle.XChaCha20Poly1305 }

func keeps(t *testing.T) kek.Provider {
	t.Helper()
	aead, err := subtle.NewXChaCha20Poly1305([]byte("a key that stays, of thirty-two."))
	if err != nil {
		t.Fatal(err)
	}
	return keeping{aead}
}

func (keeping) Describe() string { return "aws-kms://test" }
func (keeping) Close() error     { return nil }

func (k keeping) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	return k.Encrypt(plain, bind)
}

func (k keeping) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	plain, err := k.Decrypt(wrapped, bind)
	if err != nil {
		return nil, kek.ErrWrong
	}
	return plain, nil
}

// softHSM starts the real zgoda-kek over a token of SoftHSM.
func softHSM(t *testing.T) kek.Provider {
	t.Helper()
	dir, err := os.MkdirTemp("", "hsm") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	token, err := kektest.NewSoftHSM(dir)
	if err != nil {
		t.Fatal(err)
	}
	binary, socket := filepath.Join(dir, "zgoda-kek"), filepath.Join(dir, "run", "kek.sock")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "zgoda/cmd/zgoda-kek")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build zgoda-kek: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "--socket", socket, "--provider", token.URI("kek"), "--pin-file", token.PIN, "--make", "--parent-stdin")
	cmd.Env = append(os.Environ(), token.Environ())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil && err != io.EOF {
		t.Fatalf("zgoda-kek says %q: %v", line, err)
	}
	p, err := kek.Open(t.Context(), kek.Config{URI: token.URI("kek"), Dir: filepath.Join(dir, "kek"), Socket: socket, MayMake: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, renews := p.(kek.Renewer); !renews {
		t.Fatal("the token's key cannot be destroyed")
	}
	return p
}
