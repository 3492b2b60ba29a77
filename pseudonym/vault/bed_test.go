package vault

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// slots are real AEADs by version, of which old ones can be destroyed.
type slots struct {
	mu      sync.Mutex
	current uint32
	gone    map[uint32]bool
	aeads   map[uint32]*subtle.AESGCM
}

func newSlots() *slots {
	return &slots{current: 1, gone: map[uint32]bool{}, aeads: map[uint32]*subtle.AESGCM{}}
}

func (s *slots) Current() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *slots) aead(version uint32) (*subtle.AESGCM, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version == 0 || version > s.current || s.gone[version] {
		return nil, errSlot
	}
	if aead, made := s.aeads[version]; made {
		return aead, nil
	}
	aead, err := subtle.NewAESGCM(bytes.Repeat([]byte{byte(version)}, 32))
	s.aeads[version] = aead
	return aead, err
}

func (s *slots) Seal(version uint32, plain, bind []byte) ([]byte, error) {
	aead, err := s.aead(version)
	if err != nil {
		return nil, err
	}
	return aead.Encrypt(plain, bind)
}

func (s *slots) Open(version uint32, sealed, bind []byte) ([]byte, error) {
	aead, err := s.aead(version)
	if err != nil {
		return nil, err
	}
	return aead.Decrypt(sealed, bind)
}

// next begins another version.
func (s *slots) next() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current++
}

func (s *slots) destroy(version uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[version] = true
}

// bed is an empty vault of one kind, to be opened.
type bed struct {
	cfg   Config
	slots *slots
	open  []*Vault
}

func (b *bed) start(tb testing.TB) *Vault {
	tb.Helper()
	v, err := OpenUnder(tb.Context(), b.cfg, b.slots)
	if err != nil {
		tb.Fatal(err)
	}
	b.open = append(b.open, v)
	return v
}

func (b *bed) close(tb testing.TB) {
	tb.Helper()
	for _, v := range b.open {
		if err := v.Close(); err != nil {
			tb.Error(err)
		}
	}
	b.open = nil
}

// again closes what is open and opens one.
func (b *bed) again(tb testing.TB) *Vault {
	tb.Helper()
	b.close(tb)
	return b.start(tb)
}

// kinds make the beds of both kinds of vault.
func kinds(t *testing.T) map[string]func(t *testing.T) *bed {
	t.Helper()
	server := pgtest.Start(t)
	return map[string]func(t *testing.T) *bed{
		"SQLite": func(t *testing.T) *bed { t.Helper(); return &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()} },
		"PostgreSQL": func(t *testing.T) *bed {
			t.Helper()
			return &bed{cfg: Config{Address: server.Database(t)}, slots: newSlots()}
		},
	}
}

func contactOf(tb testing.TB, v *Vault, i keyring.Index) ContactID {
	tb.Helper()
	id, err := v.Contact(tb.Context(), i)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func update(tb testing.TB, v *Vault, id ContactID, do func(Contents) error) {
	tb.Helper()
	if err := v.Update(tb.Context(), id, do); err != nil {
		tb.Fatal(err)
	}
}

func view(tb testing.TB, v *Vault, id ContactID, do func(Contents) error) {
	tb.Helper()
	if err := v.View(tb.Context(), id, do); err != nil {
		tb.Fatal(err)
	}
}

func visitorsOf(tb testing.TB, v *Vault, i keyring.Index) []event.Blinded {
	tb.Helper()
	got, err := v.Visitors(tb.Context(), i)
	if err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(got, func(a, b event.Blinded) int { return slices.Compare(a[:], b[:]) })
	return got
}
