package vault

import (
	"context"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// model is what a vault should be: identifiers lead to contacts, whose salts
// must never change, and contacts have visitors.
type model struct {
	leads    map[int]int // identifier to contact
	salts    map[int]keyring.Salt
	visitors map[int]map[byte]bool
	contacts int
}

// TestVaultAgainstModel drives mint, link and restart, and compares.
func TestVaultAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &system{path: filepath.Join(t.TempDir(), "vault", "vault.db"), sealer: sealer(t, 1)}
		s.model = model{leads: map[int]int{}, salts: map[int]keyring.Salt{}, visitors: map[int]map[byte]bool{}}
		s.restart(rt)
		defer func() { _ = s.vault.Close() }()
		rt.Repeat(map[string]func(*rapid.T){"mint": s.mint, "link": s.link, "restart": s.restart, "": s.check})
	})
}

type system struct {
	path   string
	sealer Sealer
	vault  *Vault
	model  model
}

func (s *system) restart(t *rapid.T) {
	if s.vault != nil {
		if err := s.vault.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v, err := Open(context.Background(), Config{Path: s.path}, s.sealer)
	if err != nil {
		t.Fatal(err)
	}
	s.vault = v
}

var identifiers = rapid.SliceOfN(rapid.IntRange(0, 9), 1, 4)

func (s *system) mint(t *rapid.T) {
	ids := identifiers.Draw(t, "ids")
	if err := s.vault.Mint(context.Background(), indexesOf(ids)); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, known := s.model.leads[id]; !known {
			s.model.leads[id] = s.model.contacts
			s.model.contacts++
		}
		salt, _ := s.vault.Lookup(index(id))
		s.expect(t, s.model.leads[id], salt)
	}
}

func (s *system) link(t *rapid.T) {
	ids := identifiers.Draw(t, "ids")
	visitor := rapid.ByteRange(0, 3).Draw(t, "visitor")
	linked, err := s.vault.Link(context.Background(), indexesOf(ids), event.Blinded{visitor})
	if err != nil {
		t.Fatal(err)
	}
	first, second := -1, -1
	for _, id := range ids {
		switch contact, known := s.model.leads[id]; {
		case !known || contact == first:
		case first < 0:
			first = contact
		case second < 0:
			second = contact
		}
	}
	if first < 0 {
		first = s.model.contacts
		s.model.contacts++
	}
	for _, id := range ids {
		if _, known := s.model.leads[id]; !known {
			s.model.leads[id] = first
		}
	}
	s.expect(t, first, linked.Contact)
	if linked.Conflict != (second >= 0) {
		t.Fatalf("conflict %v", linked.Conflict)
	}
	if second >= 0 {
		s.expect(t, second, linked.Second)
	}
	if visitor != 0 {
		if s.model.visitors[first] == nil {
			s.model.visitors[first] = map[byte]bool{}
		}
		s.model.visitors[first][visitor] = true
	}
}

// expect says that a contact has this salt, and no other contact has.
func (s *system) expect(t *rapid.T, contact int, salt keyring.Salt) {
	if was, ok := s.model.salts[contact]; ok && was != salt {
		t.Fatal("a contact's salt changed")
	}
	for other, has := range s.model.salts {
		if other != contact && has == salt {
			t.Fatal("two contacts share a salt")
		}
	}
	s.model.salts[contact] = salt
}

func (s *system) check(t *rapid.T) {
	for id := range 10 {
		salt, known := s.vault.Lookup(indexesOf([]int{id})[0])
		contact, want := s.model.leads[id]
		if known != want {
			t.Fatalf("identifier %d known %v, want %v", id, known, want)
		}
		if !known {
			continue
		}
		s.expect(t, contact, salt)
		visitors, err := s.vault.Visitors(context.Background(), indexesOf([]int{id})[0])
		if err != nil || len(visitors) != len(s.model.visitors[contact]) {
			t.Fatalf("%d visitors, %v, want %d", len(visitors), err, len(s.model.visitors[contact]))
		}
		for _, visitor := range visitors {
			if !s.model.visitors[contact][visitor[0]] {
				t.Fatal("a visitor of somebody else")
			}
		}
	}
	if n, contacts := s.vault.Counts(); n != len(s.model.leads) || contacts != s.model.contacts {
		t.Fatalf("%d identifiers, %d contacts, want %d, %d", n, contacts, len(s.model.leads), s.model.contacts)
	}
}

func indexesOf(ids []int) []keyring.Index {
	out := make([]keyring.Index, len(ids))
	for i, id := range ids {
		out[i] = index(id)
	}
	return out
}
