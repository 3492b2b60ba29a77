package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"zgoda/pseudonym/keyring"
)

// model is what a vault should be: identifiers lead to contacts, whose salts never
// change.
type model struct {
	leads    map[int]*person
	persons  []*person // in the order in which they were made
	made     int
	links    uint32 // length of the chain of K_link
	rekeying bool   // some identifiers still have the chain before
	after    keyring.Index
	from     ContactID
	rewraps  bool
	merged   bool // since the re-keying last began
}

// person is a contact of the model.
type person struct {
	n           int
	salt        keyring.Salt
	id          ContactID
	visitors    map[byte]bool
	data        map[int64]string
	attachments map[byte]bool
}

// system are the vaults that are driven: one, or two keyholders' of one database.
type system struct {
	tb     testing.TB
	cfg    Config
	slots  *slots
	vaults []*Vault
	left   []*Vault // as a killed process leaves them
	model  model
}

// TestVaultAgainstModel drives everything that changes a vault, ends and kills it,
// and compares.
func TestVaultAgainstModel(t *testing.T) {
	// Both kinds write to a disk: fewer rounds than rapid makes of itself, unless the
	// command line says how many.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("40"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	for kind, lay := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := lay(t)
				s := &system{tb: t, cfg: b.cfg, slots: b.slots, model: model{leads: map[int]*person{}, links: 1}}
				s.open(rt)
				defer s.close(rt)
				rt.Repeat(map[string]func(*rapid.T){
					"mint": s.mint, "link": s.link, "data": s.data, "attach": s.attach, "merge": s.merge, "forget": s.forget,
					"rewrap": s.rewrap, "rekey": s.rekey, "restart": s.restart, "kill": s.kill, "": s.check,
				})
			})
		})
	}
}

func (s *system) open(t *rapid.T) {
	for range s.size() {
		v, err := OpenUnder(context.Background(), s.cfg, s.slots)
		if err != nil {
			t.Fatal(err)
		}
		s.vaults = append(s.vaults, v)
	}
}

// size is how many keyholders have the vault open.
func (s *system) size() int {
	if s.cfg.Address != "" {
		return 2
	}
	return 1
}

func (s *system) close(t *rapid.T) {
	for _, v := range append(s.vaults, s.left...) {
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.vaults, s.left = nil, nil
}

func (s *system) restart(t *rapid.T) {
	s.close(t)
	s.open(t)
}

// kill leaves the vaults as they are, unclosed, and goes on with what is on the disk.
func (s *system) kill(t *rapid.T) {
	s.left, s.vaults = append(s.left, s.vaults...), nil
	if s.cfg.Path != "" {
		copied := filepath.Join(s.tb.TempDir(), "vault")
		if err := os.CopyFS(copied, os.DirFS(filepath.Dir(s.cfg.Path))); err != nil {
			t.Fatal(err)
		}
		s.cfg.Path = filepath.Join(copied, "vault.db")
		if err := errors.Join(os.Chmod(copied, 0o700), os.Chmod(s.cfg.Path, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s.open(t)
}

// at is one of the vaults.
func (s *system) at(t *rapid.T) *Vault {
	return s.vaults[rapid.IntRange(0, len(s.vaults)-1).Draw(t, "keyholder")]
}

const identifierCount = 12

var someIdentifiers = rapid.SliceOfN(rapid.IntRange(0, identifierCount-1), 1, 4)

// step is the next key of the chain of K_link.
func step(i keyring.Index) keyring.Index { return keyring.Index(sha256.Sum256(i[:])) }

func (s *system) index(n int, links uint32) keyring.Index {
	i := index(n)
	for range links - 1 {
		i = step(i)
	}
	return i
}

// where returns the index that an identifier is to be looked up and minted by, as
// who serves does it: the one before while identifiers are being re-keyed.
func (s *system) where(t *rapid.T, v *Vault, n int) (keyring.Index, bool) {
	current := s.index(n, s.model.links)
	both := []keyring.Index{current}
	if s.model.rekeying {
		both = append(both, s.index(n, s.model.links-1))
	}
	if err := v.Load(context.Background(), both); err != nil {
		t.Fatal(err)
	}
	for _, i := range both {
		if _, known := v.Lookup(i); known {
			return i, true
		}
	}
	return current, false
}

func (s *system) indexes(t *rapid.T, v *Vault, ids []int) []keyring.Index {
	out := make([]keyring.Index, len(ids))
	for i, n := range ids {
		out[i], _ = s.where(t, v, n)
	}
	return out
}

func (s *system) person() *person {
	s.model.made++
	p := &person{n: s.model.made, visitors: map[byte]bool{}, data: map[int64]string{}, attachments: map[byte]bool{}}
	s.model.persons = append(s.model.persons, p)
	return p
}

// expect says that a contact has this salt, and no other contact has.
func (s *system) expect(t *rapid.T, p *person, salt keyring.Salt) {
	if p.salt != (keyring.Salt{}) && p.salt != salt {
		t.Fatal("a contact's salt changed")
	}
	for _, other := range s.model.persons {
		if other != p && other.salt == salt {
			t.Fatal("two contacts share a salt")
		}
	}
	p.salt = salt
}

func (s *system) check(t *rapid.T) {
	for _, v := range s.vaults {
		for n := range identifierCount {
			i, known := s.where(t, v, n)
			p := s.model.leads[n]
			if known != (p != nil) {
				t.Fatalf("identifier %d known %v", n, known)
			}
			if known {
				salt, _ := v.Lookup(i)
				s.expect(t, p, salt)
			}
		}
		seen := 0
		v.Each(func(ContactID, keyring.Salt) bool { seen++; return true })
		if seen != len(s.model.persons) {
			t.Fatalf("%d contacts, want %d", seen, len(s.model.persons))
		}
	}
	v := s.at(t)
	for _, p := range s.model.persons {
		if p.id != 0 {
			s.checkRows(t, v, p)
		}
	}
}

// checkRows compares what is kept of one contact.
func (s *system) checkRows(t *rapid.T, v *Vault, p *person) {
	err := v.View(context.Background(), p.id, func(c Contents) error {
		visitors, err1 := c.(*contents).visitors()
		data, err2 := c.Data()
		heads, err3 := c.Attachments()
		if len(visitors) != len(p.visitors) || len(data) != len(p.data) || len(heads) != len(p.attachments) {
			t.Fatalf("%d visitors, %d data, %d attachments, want %d, %d, %d",
				len(visitors), len(data), len(heads), len(p.visitors), len(p.data), len(p.attachments))
		}
		for _, visitor := range visitors {
			if !p.visitors[visitor[0]] {
				t.Fatal("a visitor of somebody else")
			}
		}
		for _, r := range data {
			if p.data[r.ID] != string(r.Sealed) {
				t.Fatal("a datum of somebody else")
			}
		}
		for _, h := range heads {
			if chunk, err := c.Chunk(h.ID, 0); !p.attachments[h.ID[0]] || string(chunk) != "chunk" || err != nil {
				t.Fatal("an attachment of somebody else")
			}
		}
		return errors.Join(err1, err2, err3)
	})
	if err != nil {
		t.Fatal(err)
	}
}
