package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// token is a key-encryption key that two keyholders reach, and that destroys its
// versions.
type token struct {
	mu   sync.Mutex
	keys []*subtle.XChaCha20Poly1305
}

func (*token) Describe() string { return "pkcs11:token=test" }
func (*token) Close() error     { return nil }

func (k *token) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0].Encrypt(plain, bind)
}

func (k *token) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if plain, err := key.Decrypt(wrapped, bind); err == nil {
			return plain, nil
		}
	}
	return nil, kek.ErrWrong
}

func (k *token) Renew(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	key, err := subtle.NewXChaCha20Poly1305(raw)
	k.keys = append([]*subtle.XChaCha20Poly1305{key}, k.keys...)
	return "", err
}

func (k *token) Destroy(context.Context, string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = k.keys[:1]
	return nil
}

// sharing opens a keyholder over a database that others share.
func sharing(t *testing.T, address string, provider kek.Provider) (h *holder, shelf *vault.Shelf) {
	t.Helper()
	h = newHolder(t)
	shelf, err := vault.OpenShelf(t.Context(), vault.Config{Address: address})
	h.must(err)
	h.ring, err = keyring.Open(t.Context(), keyring.Config{Dir: h.dir, KEK: provider, Shelf: shelf, Evidence: h, Now: h.now})
	h.must(err)
	h.must(h.ring.Refresh(t.Context()))
	h.vault, err = vault.OpenUnder(t.Context(), vault.Config{Address: address}, h.ring.Slots())
	h.must(err)
	cfg := DefaultConfig()
	cfg.Batch, cfg.Look, cfg.Again, cfg.Settle = 20, time.Hour, time.Hour, time.Second
	h.rotator, err = New(h.ring, h.vault, cfg, Deps{Lead: shelf.Leads, Reblind: keeper{h}, Now: time.Now})
	h.must(err)
	t.Cleanup(func() {
		h.close()
		_ = shelf.Close()
	})
	return h, shelf
}

// TestTwoKeyholdersRotate: one of them rotates, while both find everybody and
// make new contacts; none is lost, and each finds those of the other.
func TestTwoKeyholdersRotate(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), &token{}
	_, err := provider.Renew(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	a.mint(0, some)
	before := a.all(some)
	ctx, stop := context.WithCancel(t.Context())
	var load, looking sync.WaitGroup
	minted, held := [2]int{some, 10 * some}, [2]int{}
	for i, h := range []*holder{a, b} {
		looking.Go(func() { // as the keyholder does each second
			for ctx.Err() == nil {
				if err := h.ring.Refresh(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
		load.Go(func() {
			for n := 0; ctx.Err() == nil; n = (n + 1) % some {
				got, err := h.shared(n)
				if errors.Is(err, keyring.ErrHeld) { // its gateways ask again
					held[i]++
					time.Sleep(10 * time.Millisecond)
					continue
				}
				if err != nil || got != before[n] {
					t.Errorf("keyholder %d does not find contact %d while keys rotate: %v", i, n, err)
					return
				}
				if n%10 == 0 && h.makes(minted[i]) {
					minted[i]++
				}
			}
		})
	}
	for _, key := range []keyring.Key{Slot, Link, Slot} {
		a.must(a.rotator.Start(t.Context(), key, Options{}))
		if err := b.rotator.Start(t.Context(), key, Options{}); !errors.Is(err, ErrNotLeading) {
			t.Errorf("both rotate: %v", err)
		}
		a.must(b.rotator.Work(t.Context())) // it has nothing to do
		deadline := time.Now().Add(30 * time.Second)
		for {
			a.must(a.rotator.Work(t.Context()))
			made, old, err := a.ring.Waiting(t.Context(), key)
			a.must(err)
			if made == 0 && len(old) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s does not end", key)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	stop()
	load.Wait()
	looking.Wait()
	if err := a.rotator.Start(t.Context(), Profiling, Options{}); !errors.Is(err, ErrOneGateway) {
		t.Errorf("error %v", err)
	}
	// Who comes later finds all of them.
	c, _ := sharing(t, address, provider)
	for n := range some {
		if got, err := c.shared(n); err != nil || got != before[n] {
			t.Fatalf("contact %d: %v", n, err)
		}
	}
	for i, from := range []int{some, 10 * some} {
		for n := from; n < minted[i]; n++ {
			if _, err := c.shared(n); err != nil {
				t.Fatalf("contact %d of keyholder %d is lost", n, i)
			}
		}
	}
	if held[0] == 0 || held[1] == 0 {
		t.Errorf("held %d and %d times: somebody went on by the old chain", held[0], held[1])
	}
	t.Logf("%d and %d contacts made meanwhile", minted[0]-some, minted[1]-10*some)
}

// makes makes a contact, unless all are held.
func (h *holder) makes(n int) bool {
	epoch, err := h.ring.Epoch()
	if errors.Is(err, keyring.ErrHeld) {
		return false
	}
	h.must(err)
	d := epoch.Deriver()
	defer d.Release()
	h.must(h.vault.MintUnder(context.Background(), []keyring.Index{d.Index(numbered(n))}, vault.Made{Link: d.Links()}))
	return true
}

// shared finds somebody whom another keyholder may have made.
func (h *holder) shared(n int) (event.Handles, error) {
	epoch, err := h.ring.Epoch()
	if err != nil {
		return event.Handles{}, err
	}
	d := epoch.Deriver()
	defer d.Release()
	current, old, carrying := d.Indexes(numbered(n))
	places := []keyring.Index{current}
	if carrying {
		places = []keyring.Index{old, current}
	}
	for range 2 {
		for _, at := range places {
			if salt, known := h.vault.Lookup(at); known {
				return d.Contact(salt, 0), nil
			}
		}
		if err := h.vault.Load(context.Background(), places); err != nil {
			return event.Handles{}, fmt.Errorf("load: %w", err)
		}
	}
	return event.Handles{}, errUnknown
}

// TestLeadershipPassesOn when who has it goes.
func TestLeadershipPassesOn(t *testing.T) {
	address, provider := pgtest.Start(t).Database(t), &token{}
	_, err := provider.Renew(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, first := sharing(t, address, provider)
	b, _ := sharing(t, address, provider)
	a.must(a.rotator.Start(t.Context(), Slot, Options{}))
	a.must(a.rotator.Work(t.Context())) // in use, and others are waited for
	a.must(first.Close())
	b.must(b.ring.Refresh(t.Context()))
	deadline := time.Now().Add(30 * time.Second)
	for b.ring.Slots().Current() != 2 || b.count(Slot, keyring.StateOld) > 0 {
		b.must(b.rotator.Work(t.Context()))
		if time.Now().After(deadline) {
			t.Fatalf("it does not go on: %v", b.states(Slot))
		}
		b.must(b.ring.Refresh(t.Context()))
		time.Sleep(20 * time.Millisecond)
	}
}
