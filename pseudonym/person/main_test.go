package person

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"go.uber.org/goleak"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a real vault and people in it.
type house struct {
	*People

	vault *vault.Vault
	path  string // of the vault's folder; empty: PostgreSQL
	now   time.Time
}

var began = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func newHouse(tb testing.TB, cfg vault.Config, l Limits) *house {
	tb.Helper()
	aead, err := subtle.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	v, err := vault.Open(tb.Context(), cfg, aead)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Error(err)
		}
	})
	h := &house{vault: v, path: filepath.Dir(cfg.Path), now: began}
	h.People = New(v, l, func() time.Time { return h.now })
	return h
}

func small(tb testing.TB) *house {
	tb.Helper()
	return newHouse(tb, vault.Config{Path: filepath.Join(tb.TempDir(), "vault", "vault.db")}, DefaultLimits())
}

// overBoth runs a test over both kinds of vault.
func overBoth(t *testing.T, l Limits, test func(*testing.T, *house)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		test(t, newHouse(t, vault.Config{Path: filepath.Join(t.TempDir(), "vault", "vault.db")}, l))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, newHouse(t, vault.Config{Address: pgtest.Start(t).Database(t)}, l))
	})
}

// ways are those of one gateway key and a hash in the place of K_link.
func ways(site event.SiteID, kind event.IdentifierKind, value string) ([]Way, error) {
	normal, err := blind.Normalise(kind, []byte(value))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(string(site) + "\x00" + kind.String() + "\x00" + string(normal)))
	return []Way{{Index: keyring.Index(sum), Made: vault.Made{Link: 1, Gate: 1}}}, nil
}

func indexOf(tb testing.TB, kind event.IdentifierKind, value string) keyring.Index {
	tb.Helper()
	w, err := ways("shop", kind, value)
	if err != nil {
		tb.Fatal(err)
	}
	return w[0].Index
}

// mint makes the contact of a user.
func (h *house) mint(tb testing.TB, user string) vault.ContactID {
	tb.Helper()
	if err := h.vault.Mint(tb.Context(), []keyring.Index{indexOf(tb, event.KindUserID, user)}); err != nil {
		tb.Fatal(err)
	}
	return h.of(tb, event.KindUserID, user)
}

// of returns the contact that an identifier leads to.
func (h *house) of(tb testing.TB, kind event.IdentifierKind, value string) vault.ContactID {
	tb.Helper()
	id, err := h.vault.Contact(tb.Context(), indexOf(tb, kind, value))
	if errors.Is(err, vault.ErrUnknown) {
		return 0
	}
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func (h *house) put(tb testing.TB, id vault.ContactID, data ...Datum) []int64 {
	tb.Helper()
	ids, _, err := h.Put(tb.Context(), id, "shop", data, 0, ways)
	if err != nil {
		tb.Fatal(err)
	}
	return ids
}

func (h *house) reveal(tb testing.TB, id vault.ContactID) Revealed {
	tb.Helper()
	r, err := h.Reveal(context.Background(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func mail(value string) Datum {
	return Datum{Kind: event.KindEmail, Value: value, Source: "order form"}
}

func trait(name, value string) Datum { return Datum{Name: name, Value: value, Source: "order form"} }

func indexesOf(ways []Way) []keyring.Index {
	out := make([]keyring.Index, len(ways))
	for i, way := range ways {
		out[i] = way.Index
	}
	return out
}
