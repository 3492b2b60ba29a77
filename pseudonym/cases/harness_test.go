package cases

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const site = "shop"

// holder is a keyholder without its socket: real keys and a real vault.
type holder struct {
	*Cases

	tb     testing.TB
	dir    string
	cfg    vault.Config
	at     time.Time
	vault  *vault.Vault
	people *person.People
	ring   *keyring.Ring
}

func newHolder(tb testing.TB, dir, address string) *holder {
	tb.Helper()
	h := &holder{tb: tb, dir: dir, at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	h.cfg = vault.Config{Path: filepath.Join(dir, "vault", "vault.db")}
	if address != "" {
		h.cfg = vault.Config{Address: address}
	}
	h.cfg.Now = h.now
	h.open()
	tb.Cleanup(func() { h.close() })
	return h
}

// overBoth runs a test over both kinds of vault.
func overBoth(t *testing.T, test func(*testing.T, *holder)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newHolder(t, t.TempDir(), "")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newHolder(t, t.TempDir(), pgtest.Start(t).Database(t))) })
}

func (h *holder) now() time.Time { return h.at }

func (h *holder) must(err error) {
	h.tb.Helper()
	if err != nil {
		h.tb.Fatal(err)
	}
}

func (h *holder) open() {
	h.tb.Helper()
	ctx := context.Background()
	var err error
	h.ring, err = keyring.Open(ctx, keyring.Config{Dir: h.dir, Now: h.now})
	h.must(err)
	h.vault, err = vault.OpenUnder(ctx, h.cfg, h.ring.Slots())
	h.must(err)
	h.people = person.New(h.vault, person.DefaultLimits(), h.now)
	h.Cases, err = New(ctx, Deps{
		Store: h.vault, Ring: h.ring, People: h.people, Ways: h.ways, Now: h.now, Logger: slog.New(slog.DiscardHandler),
		Ref:    func(ref []byte) (vault.ContactID, bool) { return vault.ContactID(ref[0]), true },
		Rewrap: func(after time.Time) time.Time { return after.Add(time.Hour) },
	})
	h.must(err)
}

func (h *holder) close() {
	if h.vault == nil {
		return
	}
	h.must(h.vault.Close())
	h.must(h.ring.Close())
	h.vault = nil
}

// copied is another keyholder, with what this one has on disk now.
func (h *holder) copied(tb testing.TB) *holder {
	tb.Helper()
	h.close()
	dir := tb.TempDir()
	h.must(os.CopyFS(dir, os.DirFS(h.dir)))
	h.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	for _, name := range []string{"keys", "kek", "vault"} {
		h.must(os.Chmod(filepath.Join(dir, name), 0o700))
	}
	h.open()
	other := newHolder(tb, dir, "")
	other.at = h.at
	return other
}

func (h *holder) deriver() *keyring.Deriver {
	h.tb.Helper()
	epoch, err := h.ring.Epoch()
	h.must(err)
	return epoch.Deriver()
}

func (h *holder) ways(d *keyring.Deriver) person.Ways {
	return func(site event.SiteID, kind event.IdentifierKind, value string) (list []person.Way, err error) {
		for _, g := range slices.Backward(h.ring.Gateway().Gate) {
			h1, err := blind.NewBlinder(blind.GateKeys{{Version: g.Version, Key: g.Key}}).Blind(site, kind, []byte(value))
			if err != nil {
				return nil, err
			}
			list = append(list, person.Way{Index: d.Index(h1), Made: vault.Made{Link: d.Links(), Gate: g.Version}})
		}
		return list, nil
	}
}

// blinded is an identifier as a gateway sends it.
func (h *holder) blinded(kind event.IdentifierKind, value string) event.Blinded {
	h.tb.Helper()
	g := h.ring.Gateway()
	under := g.Gate[0]
	if kind == event.KindVisitor {
		under = g.Visitor
	}
	h1, err := blind.NewBlinder(blind.GateKeys{{Version: under.Version, Key: under.Key}}).Blind(site, kind, []byte(value))
	h.must(err)
	return h1
}

func (h *holder) index(user string) keyring.Index {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	return d.Index(h.blinded(event.KindUserID, user))
}

// mint makes a contact of users, with visitors.
func (h *holder) mint(users []string, visitors ...string) vault.ContactID {
	h.tb.Helper()
	var indexes []keyring.Index
	for _, u := range users {
		indexes = append(indexes, h.index(u))
	}
	links := h.links()
	_, err := h.vault.LinkUnder(h.tb.Context(), indexes, event.Blinded{}, vault.Made{Link: links, Gate: 1})
	h.must(err)
	for _, v := range visitors {
		_, err := h.vault.LinkUnder(h.tb.Context(), indexes, h.blinded(event.KindVisitor, v), vault.Made{Link: links, Gate: 1})
		h.must(err)
	}
	id, err := h.vault.Contact(h.tb.Context(), indexes[0])
	h.must(err)
	return id
}

func (h *holder) links() uint32 {
	d := h.deriver()
	defer d.Release()
	return d.Links()
}

func (h *holder) handles(id vault.ContactID) event.Handles {
	h.tb.Helper()
	salt, err := h.vault.Salt(h.tb.Context(), id)
	h.must(err)
	d := h.deriver()
	defer d.Release()
	return d.Contact(salt, 0)
}

func (h *holder) visitor(v string) event.Handles {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	return d.Visitor(h.blinded(event.KindVisitor, v), 0)
}

func caseID(n int) [16]byte { return [16]byte{byte(n), byte(n >> 8), 2: 0xca} }

func byUser(n int, user string) Asked {
	return Asked{ID: caseID(n), Site: site, Who: Who{Kind: event.KindUserID, Value: user}}
}

func byVisitor(n int, visitor string) Asked {
	return Asked{ID: caseID(n), Site: site, Who: Who{Kind: event.KindVisitor, Value: visitor}}
}

func (h *holder) ask(asked ...Asked) (list []Opened) {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	found, err := h.Find(h.tb.Context(), d, asked)
	h.must(err)
	h.must(h.Open(h.tb.Context(), found, func(o Opened) error { list = append(list, o); return nil }))
	return list
}

func (h *holder) listed(ids ...[16]byte) (list []Person) {
	h.tb.Helper()
	h.must(h.Pseudonyms(h.tb.Context(), ids, func(p Person) error { list = append(list, p); return nil }))
	return list
}

func (h *holder) order(n int) Order {
	return Order{ID: caseID(n), Cutoff: h.at, Until: h.at.Add(60 * 24 * time.Hour)}
}

func (h *holder) destroy(orders ...Order) (list []Sealed) {
	h.tb.Helper()
	h.must(h.Destroy(h.tb.Context(), orders, func(s Sealed) error { list = append(list, s); return nil }))
	return list
}

func (h *holder) replay(entries ...[]byte) (list []Replayed) {
	h.tb.Helper()
	h.must(h.Replay(h.tb.Context(), entries, func(r Replayed) error { list = append(list, r); return nil }))
	return list
}

func (h *holder) known(user string) bool {
	h.tb.Helper()
	_, err := h.vault.Contact(h.tb.Context(), h.index(user))
	return err == nil
}

// cutoff is what a gateway is told of a user's identifier.
func (h *holder) cutoff(user string) int64 {
	h.tb.Helper()
	d := h.deriver()
	defer d.Release()
	look := h.Look(d)
	if look == nil {
		return 0
	}
	defer look.Release()
	h1 := h.blinded(event.KindUserID, user)
	index := d.Index(h1)
	return look.Cutoff(h1, &index)
}

func has(list []Pseudonym, handle event.Handle) bool {
	return slices.ContainsFunc(list, func(p Pseudonym) bool { return p.Handle == handle })
}
