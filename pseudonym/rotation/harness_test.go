package rotation

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// holder is a keyholder without its socket: real keys and a real vault on disk.
type holder struct {
	tb      testing.TB
	dir     string
	at      time.Time
	batch   int
	step    func() error // called before each act on the vault, a key or the key-encryption key
	openKEK func(ctx context.Context, uri string, passphrase []byte) (kek.Provider, error)
	kek     kek.Provider // nil: the file

	acts    []string
	ring    *keyring.Ring
	vault   *vault.Vault
	rotator *Rotator
}

func newHolder(tb testing.TB) *holder {
	tb.Helper()
	h := &holder{tb: tb, dir: tb.TempDir(), at: time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC), batch: 100}
	tb.Cleanup(func() { h.close() })
	return h
}

func started(tb testing.TB) *holder {
	tb.Helper()
	h := newHolder(tb)
	h.must(h.open())
	return h
}

func (h *holder) must(err error) {
	h.tb.Helper()
	if err != nil {
		h.tb.Fatal(err)
	}
}

func (h *holder) now() time.Time { return h.at }

func (h *holder) open() error {
	ctx := context.Background()
	provider := h.kek
	if provider == nil {
		var err error
		if provider, err = kek.Open(ctx, kek.Config{URI: "file:", Dir: filepath.Join(h.dir, "kek"), MayMake: true}); err != nil {
			return err
		}
	}
	if provider.Describe() == "file:" {
		provider = stepped{provider, provider.(kek.Renewer), h}
	}
	ring, err := keyring.Open(ctx, keyring.Config{Dir: h.dir, KEK: provider, Evidence: h, Now: h.now})
	if err != nil {
		return err
	}
	v, err := vault.OpenUnder(ctx, vault.Config{Path: filepath.Join(h.dir, "vault", "vault.db")}, ring.Slots())
	if err != nil {
		return err
	}
	cfg := DefaultConfig()
	cfg.Batch, cfg.Look, cfg.Again = h.batch, time.Hour, time.Hour
	h.ring, h.vault = ring, v
	h.rotator, err = New(ring, watched{v, h}, cfg, Deps{OpenKEK: h.openKEK, Reblind: keeper{h}, Now: h.now})
	return err
}

func (h *holder) close() {
	h.tb.Helper()
	if h.vault != nil {
		h.must(h.vault.Close())
		h.must(h.ring.Close())
	}
	h.vault = nil
}

func (h *holder) reopen() {
	h.tb.Helper()
	h.close()
	h.must(h.open())
}

// Record keeps what became of keys.
func (h *holder) Record(_ context.Context, e keyring.Event) error {
	h.acts = append(h.acts, e.Act+" "+e.Key)
	return h.next()
}

func (h *holder) next() error {
	if h.step == nil {
		return nil
	}
	return h.step()
}

// stepped is a key-encryption key whose acts are steps.
type stepped struct {
	kek.Provider
	kek.Renewer

	h *holder
}

func (s stepped) Wrap(ctx context.Context, plain, bind []byte) ([]byte, error) {
	if err := s.h.next(); err != nil {
		return nil, err
	}
	return s.Provider.Wrap(ctx, plain, bind)
}

func (s stepped) Renew(ctx context.Context) (string, error) {
	if err := s.h.next(); err != nil {
		return "", err
	}
	return s.Renewer.Renew(ctx)
}

func (s stepped) Destroy(ctx context.Context, before string) error {
	if err := s.h.next(); err != nil {
		return err
	}
	return s.Renewer.Destroy(ctx, before)
}

func (s stepped) Retire(ctx context.Context) error {
	if err := s.h.next(); err != nil {
		return err
	}
	return s.Provider.(kek.Retirer).Retire(ctx)
}

// watched is a vault whose changes are steps.
type watched struct {
	*vault.Vault

	h *holder
}

func (w watched) Rewrap(ctx context.Context, from vault.ContactID, limit int) (vault.ContactID, bool, error) {
	if err := w.h.next(); err != nil {
		return 0, false, err
	}
	return w.Vault.Rewrap(ctx, from, limit)
}

func (w watched) Reindex(ctx context.Context, link uint32, after keyring.Index, limit int, to func(keyring.Index) keyring.Index) (keyring.Index, bool, error) {
	if err := w.h.next(); err != nil {
		return after, false, err
	}
	return w.Vault.Reindex(ctx, link, after, limit, to)
}

func (w watched) Retire(ctx context.Context, gate uint32, after keyring.Index, limit int) (keyring.Index, bool, error) {
	if err := w.h.next(); err != nil {
		return after, false, err
	}
	return w.Vault.Retire(ctx, gate, after, limit)
}

func (w watched) SetProgress(ctx context.Context, name string, state []byte) error {
	if err := w.h.next(); err != nil {
		return err
	}
	return w.Vault.SetProgress(ctx, name, state)
}

// numbered is the blinded identifier of somebody.
func numbered(n int) (h1 event.Blinded) {
	copy(h1[:], "a blinded identifier, number")
	binary.BigEndian.PutUint32(h1[28:], uint32(n+1))
	return h1
}

func (h *holder) deriver() *keyring.Deriver {
	h.tb.Helper()
	epoch, err := h.ring.Epoch()
	h.must(err)
	return epoch.Deriver()
}

// mint makes contacts as the keyholder does.
func (h *holder) mint(from, to int) {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	var fresh []keyring.Index
	for n := from; n < to; n++ {
		fresh = append(fresh, d.Index(numbered(n)))
	}
	h.must(h.vault.MintUnder(context.Background(), fresh, vault.Made{Link: d.Links(), Gate: h.ring.Gateway().Gate[0].Version}))
}

var errUnknown = errors.New("unknown")

// handles finds somebody as the keyholder does: by the old index first.
func (h *holder) handles(n int) (event.Handles, error) {
	epoch, err := h.ring.Epoch()
	if err != nil {
		return event.Handles{}, err
	}
	d := epoch.Deriver()
	defer d.Release()
	current, old, carrying := d.Indexes(numbered(n))
	if carrying {
		if salt, known := h.vault.Lookup(old); known {
			return d.Contact(salt, 0), nil
		}
	}
	salt, known := h.vault.Lookup(current)
	if !known {
		return event.Handles{}, errUnknown
	}
	return d.Contact(salt, 0), nil
}

func (h *holder) all(to int) []event.Handles {
	h.tb.Helper()
	out := make([]event.Handles, to)
	for n := range to {
		got, err := h.handles(n)
		if err != nil {
			h.tb.Fatalf("contact %d: %v", n, err)
		}
		out[n] = got
	}
	return out
}

func (h *holder) states(key keyring.Key) map[uint32]string {
	h.tb.Helper()
	all, err := h.ring.Status(context.Background())
	h.must(err)
	out := map[uint32]string{}
	for _, s := range all {
		if s.Key == key {
			out[s.Version] = s.State
		}
	}
	return out
}

// count returns how many versions of a key are in a state.
func (h *holder) count(key keyring.Key, state string) (n int) {
	h.tb.Helper()
	for _, s := range h.states(key) {
		if s == state {
			n++
		}
	}
	return n
}
