package backup_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"zgoda/event"
	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// keyholder is what a backup is made of.
type keyholder struct {
	dir   string
	ring  *keyring.Ring
	vault *vault.Vault
}

func open(t *testing.T, dir string) *keyholder {
	t.Helper()
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.OpenUnder(t.Context(), vault.Config{Path: filepath.Join(dir, "vault", "vault.db")}, ring.Slots())
	if err != nil {
		t.Fatal(err)
	}
	k := &keyholder{dir: dir, ring: ring, vault: v}
	t.Cleanup(func() {
		if err := errors.Join(v.Close(), ring.Close()); err != nil {
			t.Error(err)
		}
	})
	return k
}

// h1 is the n-th identifier.
func h1(n int) (h event.Blinded) {
	h[0], h[1], h[2] = byte(n), byte(n>>8), 1
	return h
}

func (k *keyholder) index(t *testing.T, n int) keyring.Index {
	t.Helper()
	epoch, err := k.ring.Epoch()
	if err != nil {
		t.Fatal(err)
	}
	d := epoch.Deriver()
	defer d.Release()
	return d.Index(h1(n))
}

func (k *keyholder) handles(t *testing.T, n int) event.Handles {
	t.Helper()
	salt, known := k.vault.Lookup(k.index(t, n))
	if !known {
		t.Fatalf("contact %d is not known", n)
	}
	epoch, err := k.ring.Epoch()
	if err != nil {
		t.Fatal(err)
	}
	d := epoch.Deriver()
	defer d.Release()
	return d.Contact(salt, 0)
}

// filled is a keyholder with 1,200 contacts, of whom the first has everything.
func filled(t *testing.T) *keyholder {
	t.Helper()
	k := open(t, t.TempDir())
	var all []keyring.Index
	for n := range 1200 {
		all = append(all, k.index(t, n))
	}
	if err := k.vault.Mint(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := k.vault.Link(t.Context(), all[:1], h1(5000)); err != nil {
		t.Fatal(err)
	}
	id, err := k.vault.Contact(t.Context(), all[0])
	if err != nil {
		t.Fatal(err)
	}
	err = k.vault.Update(t.Context(), id, func(c vault.Contents) error {
		_, err := c.PutData(vault.Row{Sealed: []byte("sealed datum")})
		return errors.Join(err,
			c.PutHead(vault.Head{ID: attachment, Sealed: []byte("sealed head"), Bytes: 12, Complete: true}),
			c.PutChunk(attachment, 0, []byte("sealed chunk 0")), c.PutChunk(attachment, 1, []byte("sealed chunk 1")),
			c.Lead(k.index(t, 6000), vault.Made{Link: 1}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (k *keyholder) backup(t *testing.T, to ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	told, err := backup.Write(t.Context(), &out, to, k.ring, k.vault, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if told.Contacts != 1200 || told.Identifiers != 1201 {
		t.Fatalf("%d contacts, %d identifiers", told.Contacts, told.Identifiers)
	}
	return out.Bytes()
}
