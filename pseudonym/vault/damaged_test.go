package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// What was deleted is not in the file any more, nor beside it.
func TestDeletedIsOverwritten(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	v := b.start(t)
	gone, merged, kept := fill(t, v, 1), fill(t, v, 2), fill(t, v, 3)
	chunk := bytes.Repeat([]byte("canary-of-an-attachment "), 4000)
	var secrets, still [][]byte
	for _, id := range []ContactID{gone, merged, kept} {
		r, err := readContact(t.Context(), v.db, id)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readVisitors(t.Context(), v.db, id)
		if err != nil || len(rows) != 1 {
			t.Fatal(err)
		}
		sealed := [][]byte{r.salt, r.dek, rows[0].sealed}
		if id == kept {
			still = append(still, sealed...)
		} else {
			secrets = append(secrets, sealed...)
		}
	}
	update(t, v, gone, func(c Contents) error {
		_, err := c.PutData(Row{Sealed: []byte("canary-of-a-datum")})
		a := [16]byte{1}
		return errors.Join(err, c.PutHead(Head{ID: a, Sealed: []byte("canary-of-a-head")}), c.PutChunk(a, 1, chunk))
	})
	ten, eleven := index(10), index(11)
	secrets = append(secrets, []byte("canary-of-"), ten[:], eleven[:])
	for _, secret := range secrets {
		if !inFolder(t, b.cfg.Path, secret) {
			t.Fatal("the test looks for what never was there")
		}
	}
	if err := errors.Join(v.Forget(t.Context(), gone), v.Merge(t.Context(), kept, merged, moveAll)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, secret := range secrets {
			if inFolder(t, b.cfg.Path, secret) {
				t.Errorf("secret %d is still in a file", i)
			}
		}
		for _, sealed := range still {
			if !inFolder(t, b.cfg.Path, sealed) {
				t.Error("what was kept is gone")
			}
		}
		b.close(t)
	}
}

// inFolder says whether any file of the vault has these bytes.
func inFolder(t *testing.T, path string, what []byte) bool {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(path), entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, what) {
			return true
		}
	}
	return false
}

// FuzzDamagedFile changes bytes of a vault. It then opens with the salts that it
// had, or not at all.
func FuzzDamagedFile(f *testing.F) {
	path := vaultPath(f)
	b := &bed{cfg: Config{Path: path}, slots: newSlots()}
	v := b.start(f)
	mint(f, v, index(1), index(2), index(3))
	link(f, v, event.Blinded{1}, index(1), index(4))
	had := map[keyring.Salt]bool{}
	v.Each(func(_ ContactID, salt keyring.Salt) bool { had[salt] = true; return true })
	b.close(f)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, at := range []int{0, 18, 60, 100, 5000, 9000, 13000, 20000, len(whole) - 1} {
		f.Add(uint32(at), []byte{0xff})
		f.Add(uint32(at), []byte("\x00\x01\x02\x03\x7f\x80\xfe\xff"))
	}
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		damaged := bytes.Clone(whole)
		copy(damaged[int(at)%len(damaged):], change)
		cfg := Config{Path: vaultPath(t)}
		if err := errors.Join(os.MkdirAll(filepath.Dir(cfg.Path), 0o700), os.WriteFile(cfg.Path, damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		v, err := OpenUnder(t.Context(), cfg, b.slots)
		if err != nil {
			return
		}
		v.Each(func(_ ContactID, salt keyring.Salt) bool {
			if !had[salt] {
				t.Error("a salt that nobody had")
			}
			return true
		})
		_ = v.Mint(context.Background(), []keyring.Index{index(9)})
		_ = v.Close()
	})
}

// FuzzVisitor opens what may be no sealed visitor. Every process of the fuzzing
// seals one of its own, under another nonce, so that a sealed one is known by
// what it opens to.
func FuzzVisitor(f *testing.F) {
	dek := bytes.Repeat([]byte{3}, dekSize)
	sealed, err := sealVisitor(dek, 7, event.Blinded{9})
	if err != nil {
		f.Fatal(err)
	}
	if h1, err := openVisitor(dek, 7, sealed); err != nil || h1 != (event.Blinded{9}) {
		f.Fatalf("a sealed visitor does not open: %v", err)
	}
	f.Add(sealed, int64(7))
	f.Add(sealed, int64(8))
	f.Add(sealed[:11], int64(7))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, blob []byte, id int64) {
		h1, err := openVisitor(dek, ContactID(id), blob)
		if err == nil && (id != 7 || h1 != (event.Blinded{9})) {
			t.Error("a visitor that nobody sealed for this contact")
		}
	})
}
