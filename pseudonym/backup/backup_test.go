package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"zgoda/event"
	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

var attachment = [16]byte{7}

// What is restored has the same pseudonyms and rows, under another
// key-encryption key and another slot key.
func TestRestore(t *testing.T) {
	k, id := filled(t), identity(t)
	file := k.backup(t, identity(t).Recipient().String(), id.Recipient().String())
	dir := t.TempDir()
	told, err := backup.Restore(t.Context(), bytes.NewReader(file), []age.Identity{id}, keyring.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.Check(t.Context(), keyring.Config{Dir: dir}, told); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	for _, n := range []int{0, 1, 499, 500, 1199} {
		if got, want := r.handles(t, n), k.handles(t, n); got != want {
			t.Errorf("contact %d has other pseudonyms", n)
		}
	}
	if r.handles(t, 6000) != k.handles(t, 0) {
		t.Error("the further identifier does not lead to its contact")
	}
	if v, err := r.vault.Visitors(t.Context(), r.index(t, 0)); err != nil || len(v) != 1 || v[0] != h1(5000) {
		t.Errorf("visitors: %d, %v", len(v), err)
	}
	contact, err := r.vault.Contact(t.Context(), r.index(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	err = r.vault.View(t.Context(), contact, func(c vault.Contents) error {
		data, err := c.Data()
		if err != nil || len(data) != 1 || string(data[0].Sealed) != "sealed datum" {
			t.Errorf("data: %d rows, %v", len(data), err)
		}
		heads, err := c.Attachments()
		if err != nil || len(heads) != 1 || !heads[0].Complete || heads[0].Bytes != 12 {
			t.Errorf("attachments: %d, %v", len(heads), err)
		}
		chunk, err := c.Chunk(attachment, 1)
		if string(chunk) != "sealed chunk 1" {
			t.Error("another chunk")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	g, w := k.ring.Gateway(), r.ring.Gateway()
	if !bytes.Equal(g.Gate[0].Key.Reveal(), w.Gate[0].Key.Reveal()) || !bytes.Equal(g.Spool.Reveal(), w.Spool.Reveal()) || g.Gate[0].Version != w.Gate[0].Version {
		t.Error("gateways get other keys")
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(file), []age.Identity{id}, keyring.Config{Dir: dir}); !errors.Is(err, keyring.ErrKeysThere) {
		t.Errorf("over what is there: %v", err)
	}
}

// Nothing is restored of a file that is cut short, changed or another's, and
// nothing is left behind.
func TestDamaged(t *testing.T) {
	k, id := filled(t), identity(t)
	file := k.backup(t, id.Recipient().String())
	changed := bytes.Clone(file)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		file []byte
		by   age.Identity
	}{
		"half of it":             {file[:len(file)/2], id},
		"without its last byte":  {file[:len(file)-1], id},
		"one bit changed":        {changed, id},
		"sealed to another":      {file, identity(t)},
		"empty":                  {nil, id},
		"more behind the end":    {append(bytes.Clone(file), 0), id},
		"without the last 64 KB": {file[:len(file)-64<<10], id},
	} {
		dir := t.TempDir()
		if _, err := backup.Restore(t.Context(), bytes.NewReader(c.file), []age.Identity{c.by}, keyring.Config{Dir: dir}); err == nil {
			t.Errorf("%s: restored", name)
		}
		for _, left := range []string{"keys", "vault/vault.db", "restore-unfinished"} {
			if _, err := os.Stat(filepath.Join(dir, left)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %s is left", name, left)
			}
		}
	}
}

// looking reads, and looks around before each read.
type looking struct {
	io.Reader

	look func()
}

func (l looking) Read(b []byte) (int, error) {
	l.look()
	return l.Reader.Read(b)
}

// A folder that has keys and not yet a vault is not taken for whole: not while it is
// restored, and not after that was killed. It is restored by doing it again.
func TestRestoreKilled(t *testing.T) {
	k, id := filled(t), identity(t)
	file := k.backup(t, id.Recipient().String())
	dir := t.TempDir()
	looks := 0
	in := looking{bytes.NewReader(file), func() {
		if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
			return
		}
		looks++
		if err := backup.Whole(dir); !errors.Is(err, backup.ErrUnfinished) {
			t.Errorf("keys without a vault are taken for whole: %v", err)
		}
	}}
	killed, err := keyring.Open(t.Context(), keyring.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(killed.Close(), os.WriteFile(filepath.Join(dir, "restore-unfinished"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	told, err := backup.Restore(t.Context(), in, []age.Identity{id}, keyring.Config{Dir: dir})
	if err != nil || looks < 2 {
		t.Fatalf("%d looks: %v", looks, err)
	}
	if err := errors.Join(backup.Whole(dir), backup.Check(t.Context(), keyring.Config{Dir: dir}, told)); err != nil {
		t.Error(err)
	}
}

// The file tells nothing of what it holds without an identity.
func TestSealed(t *testing.T) {
	k := filled(t)
	file := k.backup(t, identity(t).Recipient().String())
	index := k.index(t, 0)
	for what, secret := range map[string][]byte{"a gateway key": k.ring.Gateway().Gate[0].Key.Reveal(), "an index": index[:], "a word of the format": []byte("identifiers")} {
		if bytes.Contains(file, secret) {
			t.Errorf("%s is in clear", what)
		}
	}
	var out bytes.Buffer
	for _, to := range [][]string{nil, {"age1nobody"}, {"ssh-ed25519 AAAA"}} {
		if _, err := backup.Write(t.Context(), &out, to, k.ring, k.vault, time.Now()); !errors.Is(err, backup.ErrRecipient) || out.Len() > 0 {
			t.Errorf("%q: %v, %d bytes", to, err, out.Len())
		}
	}
}

// moving is a vault in which a contact is merged while it is read.
type moving struct {
	*keyholder
	t *testing.T
}

func (m moving) Dump(ctx context.Context, yield func(vault.Dumped) error) error {
	first := true
	return m.vault.Dump(ctx, func(d vault.Dumped) error {
		if first {
			first = false
			keep, err := m.vault.Contact(ctx, m.index(m.t, 3))
			if err != nil {
				return err
			}
			drop, err := m.vault.Contact(ctx, m.index(m.t, 900))
			if err != nil {
				return err
			}
			if err := m.vault.Merge(ctx, keep, drop, nil); err != nil {
				return err
			}
		}
		return yield(d)
	})
}

// A backup during which identifiers went to another contact is none.
func TestMoved(t *testing.T) {
	k := filled(t)
	var out bytes.Buffer
	if _, err := backup.Write(t.Context(), &out, []string{identity(t).Recipient().String()}, k.ring, moving{k, t}, time.Now()); !errors.Is(err, backup.ErrChanged) {
		t.Errorf("%v", err)
	}
}

// New contacts are made while a backup is written, and whatever is in it is whole.
func TestWhileServing(t *testing.T) {
	k, id := filled(t), identity(t)
	done := make(chan error, 1)
	go func() {
		for n := 2000; n < 2200; n++ {
			epoch, err := k.ring.Epoch()
			if err != nil {
				done <- err
				return
			}
			d := epoch.Deriver()
			index := d.Index(h1(n))
			d.Release()
			if err := k.vault.Mint(t.Context(), []keyring.Index{index}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var out bytes.Buffer
	if _, err := backup.Write(t.Context(), &out, []string{id.Recipient().String()}, k.ring, k.vault, time.Now()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	told, err := backup.Restore(t.Context(), &out, []age.Identity{id}, keyring.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.Check(t.Context(), keyring.Config{Dir: dir}, told); err != nil || told.Contacts < 1200 {
		t.Errorf("%d contacts, %v", told.Contacts, err)
	}
}

// A backup has whom requests are about, the journal of erasures, the tombstones, and
// when contacts were seen.
func TestRestoreCarriesCases(t *testing.T) {
	k, id := filled(t), identity(t)
	at := time.Now().Truncate(time.Millisecond).UTC()
	contact, err := k.vault.Contact(t.Context(), k.index(t, 7))
	if err != nil {
		t.Fatal(err)
	}
	want, err := k.vault.OpenCases(t.Context(), []vault.Case{
		{ID: [16]byte{1}, Site: "shop", Contact: contact, Opened: at}, {ID: [16]byte{2}, Visitor: h1(5001), Opened: at}, {ID: [16]byte{3}, Visitor: h1(5002), Opened: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	tomb := vault.Tomb{Key: "tomb-20261122", Tag: [16]byte{5}, Link: 1, Cutoff: at}
	erased, err := k.vault.Destroy(t.Context(), [][16]byte{{3}}, func(*vault.Doomed) (vault.Remains, error) {
		return vault.Remains{Erasure: vault.Erasure{At: at, Until: at.AddDate(0, 1, 0), Sealed: []byte("sealed")}, Tombs: []vault.Tomb{tomb}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want[2].State, want[2].Visitor = vault.CaseDestroyed, event.Blinded{}
	dir := t.TempDir()
	if _, err := backup.Restore(t.Context(), bytes.NewReader(k.backup(t, id.Recipient().String())), []age.Identity{id}, keyring.Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	ids := [][16]byte{{1}, {2}, {3}}
	if got, err := r.vault.Cases(t.Context(), ids); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d cases, or others: %v", len(got), err)
	}
	got, err := r.vault.Erasures(t.Context(), ids)
	if err != nil || len(got) != 1 || !bytes.Equal(got[0].Sealed, erased[0].Sealed) || !got[0].At.Equal(at) || !got[0].Until.Equal(erased[0].Until) {
		t.Errorf("%d entries of the journal, or others: %v", len(got), err)
	}
	var tombs []vault.Tomb
	if _, err := r.vault.EachTomb(t.Context(), 0, func(one vault.Tomb) { tombs = append(tombs, one) }); err != nil || !slices.Equal(tombs, []vault.Tomb{tomb}) {
		t.Errorf("%d tombstones, or others: %v", len(tombs), err)
	}
	idle := 0
	if err := r.vault.Idle(t.Context(), vault.Day(at)+vault.SeenWithin+1, func(vault.ContactID) bool { idle++; return true }); err != nil || idle != 1200 {
		t.Errorf("%d idle contacts, %v", idle, err)
	}
}
