package keyholder

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/serve"
	"zgoda/pseudonym/kek/transit"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/role"
)

// remoteKEK serves a key of Vault by a socket, as zgoda-kek does.
func remoteKEK(t *testing.T) (name, socket string) {
	t.Helper()
	v := kektest.NewVault(t)
	u, err := uri.Parse(v.URI("keyholders"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := transit.Open(t.Context(), reach.Config{URI: u, Credentials: v.Token, CA: v.CA, MayMake: true})
	if err != nil {
		t.Fatal(err)
	}
	_, socket = folders(t)
	cfg := serve.DefaultConfig()
	cfg.Socket = socket
	server, err := serve.New(cfg, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, key.Close()); err != nil {
			t.Error(err)
		}
	})
	<-server.Serving()
	return u.String(), socket
}

// Two keyholders over one database answer the same of everybody, whoever made
// them; a certificate of one is good at both; one of them rotates.
func TestTwoKeyholders(t *testing.T) {
	database := pgtest.Start(t).Database(t)
	name, helper := remoteKEK(t)
	both := func(c *Config) { c.Vault, c.KEK.URI, c.KEK.Socket, c.Listen = database, name, helper, "127.0.0.1:0" }
	var k [2]*running
	for i := range k {
		dir, socket := folders(t)
		k[i] = start(t, dir, socket, both)
	}
	keys, err := k[0].Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := k[1].Keys(t.Context())
	if err != nil || string(keys.Gate[0].Key.Reveal()) != string(other.Gate[0].Key.Reveal()) || keys.Revision != other.Revision {
		t.Errorf("they hand out different keys, %v", err)
	}
	visitor := pseudonym.Query{H1: h1(99), Kind: event.KindVisitor}
	made := resolve(t, k[0].Client, contact(1, true), contact(2, false), visitor)
	if got := resolve(t, k[1].Client, contact(1, false), contact(2, false), visitor); got[0] != made[0] || got[1] != made[1] || got[2] != made[2] {
		t.Error("the other keyholder answers otherwise")
	}
	if again := resolve(t, k[1].Client, contact(2, true)); again[0] == made[1] || resolve(t, k[0].Client, contact(2, false))[0] != again[0] {
		t.Error("a contact that the other made is not known here")
	}
	conf := k[0].by(t, role.Caller{Role: role.Pseudonymise, Name: "gate-1"}, "")
	conf.Address = k[1].server.Address().String()
	elsewhere, err := pseudonym.Dial(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	if resolve(t, elsewhere, contact(1, false))[0] != made[0] {
		t.Error("a certificate of one keyholder at the other")
	}
	// The sealing key changes nothing for people; gateways of both hear of it.
	led := 0
	var fell error
	for i := range k {
		err := k[i].admin.Rotate(t.Context(), pseudonym.Rotation{Key: "gate"}, func(pseudonym.Progress) {})
		if err == nil {
			led++
		} else {
			fell = err
		}
	}
	if led != 1 || !errors.Is(fell, pseudonym.ErrRefused) {
		t.Fatalf("%d keyholders rotate, %v", led, fell)
	}
	for i := range k {
		within(t, "the other keyholder takes the new key over", func() error {
			now, err := k[i].Keys(t.Context())
			if err == nil && (len(now.Gate) != 2 || now.Revision == keys.Revision) {
				err = errors.New("it has the keys as they were")
			}
			return err
		})
	}
	if resolve(t, k[0].Client, contact(1, false))[0] != made[0] || resolve(t, k[1].Client, contact(1, false))[0] != made[0] {
		t.Error("a contact became another one by the rotation")
	}
	erasedAtOne(t, k[0], k[1], made[0])
}

// erasedAtOne: who is erased at one keyholder is gone at the other, which hears of the
// tombstones too.
func erasedAtOne(t *testing.T, one, other *running, was event.Handles) {
	t.Helper()
	opened := one.open(t, pseudonym.CaseOf{ID: requestID(1), Who: pseudonym.Who{Handle: was.Consent}})
	order := destroyed(1)
	if opened[0].State != pseudonym.CaseOpen || len(other.destroy(t, order)) != 1 {
		t.Fatalf("the case is %s", opened[0].State)
	}
	within(t, "the first keyholder hears of the tombstones", func() error {
		got := resolve(t, one.Client, contact(1, true))[0]
		if got.Consent == was.Consent || got.Erased != order.Cutoff.UnixMilli() {
			return errors.New("it has not heard of the erasure")
		}
		return nil
	})
	ids, err := one.rights.ErasureIDs(deskOf(t))
	if err != nil || len(ids) != 1 {
		t.Errorf("%d entries, %v", len(ids), err)
	}
}

// One file cannot be the key-encryption key of several keyholders.
func TestSharedVaultWantsAKeyElsewhere(t *testing.T) {
	dir, socket := folders(t)
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket, cfg.Vault = dir, socket, pgtest.Start(t).Database(t)
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Run(ctx); !errors.Is(err, keyring.ErrFileKEK) {
		t.Errorf("error %v", err)
	}
	if made, err := filepath.Glob(filepath.Join(dir, "kek", "*")); err != nil || len(made) > 0 {
		t.Errorf("a key was made all the same: %v, %v", made, err)
	}
}
