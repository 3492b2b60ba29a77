package vault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// sealer returns a real AEAD under a key of one repeated byte.
func sealer(tb testing.TB, b byte) Sealer {
	tb.Helper()
	s, err := subtle.NewAESGCM(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func vaultPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "vault", "vault.db")
}

func open(tb testing.TB, path string) *Vault {
	tb.Helper()
	v, err := Open(context.Background(), Config{Path: path}, sealer(tb, 1))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Error(err)
		}
	})
	return v
}

func reopen(tb testing.TB, v *Vault, path string) *Vault {
	tb.Helper()
	if err := v.Close(); err != nil {
		tb.Fatal(err)
	}
	return open(tb, path)
}

func index(n int) keyring.Index {
	var i keyring.Index
	copy(i[:], fmt.Sprintf("index-%08d-of-thirty-two-bytes!", n))
	return i
}

func mint(tb testing.TB, v *Vault, indexes ...keyring.Index) []keyring.Salt {
	tb.Helper()
	if err := v.Mint(tb.Context(), indexes); err != nil {
		tb.Fatal(err)
	}
	return salts(tb, v, indexes...)
}

// salts looks all of them up.
func salts(tb testing.TB, v *Vault, indexes ...keyring.Index) []keyring.Salt {
	tb.Helper()
	out := make([]keyring.Salt, len(indexes))
	for i, index := range indexes {
		salt, known := v.Lookup(index)
		if !known {
			tb.Error("what was minted is not known")
		}
		out[i] = salt
	}
	return out
}

func link(tb testing.TB, v *Vault, visitor event.Blinded, indexes ...keyring.Index) Linked {
	tb.Helper()
	linked, err := v.Link(tb.Context(), indexes, visitor)
	if err != nil {
		tb.Fatal(err)
	}
	return linked
}

func TestFilesTellNothing(t *testing.T) {
	path := vaultPath(t)
	v := open(t, path)
	salts := mint(t, v, index(1), index(2))
	visitor := event.Blinded([]byte("visitor-canary-of-32-bytes-12345"))
	link(t, v, visitor, index(1))
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	for _, entry := range entries {
		file := filepath.Join(filepath.Dir(path), entry.Name())
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %o, %v", entry.Name(), info.Mode().Perm(), err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range [][]byte{salts[0][:], salts[1][:], visitor[:]} {
			if bytes.Contains(content, secret[:8]) {
				t.Errorf("%s holds a secret", entry.Name())
			}
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	tests := map[string]struct {
		change string
		want   error
	}{
		"salts are swapped":            {"UPDATE contacts SET salt = (SELECT salt FROM contacts o WHERE o.id = 3 - contacts.id)", ErrSalt},
		"a salt is cut":                {"UPDATE contacts SET salt = substr(salt, 2)", ErrSalt},
		"a contact is gone":            {"PRAGMA foreign_keys = OFF; DELETE FROM contacts WHERE id = 1", ErrSalt},
		"written by a newer release":   {"PRAGMA user_version = 99", ErrVersion},
		"sealed under another slotkey": {"", ErrSalt},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := vaultPath(t)
			v := open(t, path)
			mint(t, v, index(1), index(2))
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			key := byte(1)
			if test.change == "" {
				key = 2
			}
			alter(t, path, test.change)
			v, err := Open(t.Context(), Config{Path: path}, sealer(t, key))
			if !errors.Is(err, test.want) {
				t.Errorf("error %v", err)
				if err == nil {
					t.Error(v.Close())
				}
			}
		})
	}
	if _, err := Open(t.Context(), Config{}, nil); err == nil {
		t.Error("no path")
	}
	path := vaultPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}, sealer(t, 1)); !errors.Is(err, keyring.ErrOpenToOthers) {
		t.Errorf("a file readable by others: %v", err)
	}
}

func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A commit can fail after it took place. What it wrote must then be found, not
// made a second time.
func TestUnknownOutcome(t *testing.T) {
	v := open(t, vaultPath(t))
	mint(t, v, index(5))
	c := change{v: v, made: map[keyring.Index]int{}}
	fresh := c.contact()
	c.lead(index(1), fresh, Made{})
	c.lead(index(2), fresh, Made{})
	fresh.salt = keyring.Salt{42}
	if err := c.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.writeRows(t.Context()); err != nil { // on disk, and not in memory
		t.Fatal(err)
	}
	if err := c.tx.Commit(); err != nil {
		t.Fatal(err)
	}
	v.doubt.Store(true)
	if got := link(t, v, event.Blinded{}, index(2), index(3)); got.Contact != (keyring.Salt{42}) || got.Conflict {
		t.Error("what the failed commit wrote was not taken over")
	}
	if err := v.Load(t.Context(), []keyring.Index{index(1), index(9)}); err != nil {
		t.Fatal(err)
	}
	if salt, known := v.Lookup(index(1)); !known || salt != (keyring.Salt{42}) {
		t.Error("what the failed commit wrote was not loaded")
	}
	if got := mint(t, v, index(1), index(4)); got[0] != (keyring.Salt{42}) || got[1] == got[0] {
		t.Error("a second identifier of the same contact was not taken over")
	}
	if v.doubt.Load() {
		t.Error("still in doubt")
	}
	if identifiers, contacts := v.Counts(); identifiers != 5 || contacts != 3 {
		t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
	}
}

func TestFailedWriteMintsNothing(t *testing.T) {
	path := vaultPath(t)
	v := open(t, path)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Mint(ended, []keyring.Index{index(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := v.db.ExecContext(t.Context(), "PRAGMA query_only = ON"); err != nil {
		t.Fatal(err)
	}
	if err := v.Mint(t.Context(), []keyring.Index{index(1)}); err == nil {
		t.Error("minted in a file that cannot be written")
	}
	if _, known := v.Lookup(index(1)); known {
		t.Error("a contact that is not on disk is known")
	}
	if _, err := v.db.ExecContext(t.Context(), "PRAGMA query_only = OFF"); err != nil {
		t.Fatal(err)
	}
	salt := mint(t, v, index(1))[0]
	v = reopen(t, v, path)
	if again, _ := v.Lookup(index(1)); again != salt {
		t.Error("a mint after a failed one did not last")
	}
}

func TestVaultPrintsRedacted(t *testing.T) {
	v := open(t, vaultPath(t))
	if got := fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v); got != "[redacted] [redacted] [redacted] [redacted] [redacted]" {
		t.Error(got)
	}
	if v.LogValue().String() != "[redacted]" {
		t.Error("logged")
	}
}
