package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
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

// contract is what both kinds of vault keep to.
var contract = map[string]func(*testing.T, *bed){
	"mint": contractMint, "link": contractLink, "visitors": contractVisitors, "alias": contractAlias,
	"numbers": contractNumbers, "unknown contacts": contractUnknown,
	"data": contractData, "attachments": contractAttachments, "identifiers": contractIdentifiers,
	"a failed update": contractFailedUpdate, "the contact's key": contractDEK,
	"merge": contractMerge, "merge loses nothing": contractMergeLeft,
	"forget": contractForget, "re-wrap": contractRewrap, "re-key": contractReindex, "retire": contractRetire,
	"progress": contractProgress, "remaining": contractRemaining, "concurrent": contractConcurrent,
	"context ends": contractContext, "each": contractEach, "go over": contractUpdateAfter,
}

func TestContract(t *testing.T) {
	for kind, lay := range kinds(t) {
		for name, test := range contract {
			t.Run(kind+"/"+name, func(t *testing.T) {
				b := lay(t)
				defer b.close(t)
				test(t, b)
			})
		}
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

func contractMint(t *testing.T, b *bed) {
	v := b.start(t)
	if _, known := v.Lookup(index(1)); known {
		t.Fatal("an empty vault knows somebody")
	}
	salts1 := mint(t, v, index(1), index(2), index(1))
	if salts1[0] == salts1[1] || salts1[0] != salts1[2] || salts1[0] == (keyring.Salt{}) {
		t.Error("one index one contact: broken")
	}
	if again := mint(t, v, index(2), index(3)); again[0] != salts1[1] || again[1] == salts1[0] {
		t.Error("minting again changed a salt")
	}
	if err := v.Mint(t.Context(), nil); err != nil {
		t.Error(err)
	}
	v = b.again(t)
	if salt, known := v.Lookup(index(2)); !known || salt != salts1[1] {
		t.Error("a minted salt did not last")
	}
	if identifiers, contacts := v.Counts(); identifiers != 3 || contacts != 3 {
		t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
	}
}

func contractLink(t *testing.T, b *bed) {
	v := b.start(t)
	user, mail, phone, stranger := index(1), index(2), index(3), index(4)
	none := event.Blinded{}
	known := mint(t, v, user)[0]
	if got := link(t, v, none, mail, user, mail); got.Contact != known || got.Conflict {
		t.Error("an unknown identifier was not linked to the known contact")
	}
	if got := link(t, v, none, user, mail); got.Contact != known || got.Conflict {
		t.Error("linking again changed something")
	}
	fresh := link(t, v, none, phone, index(5))
	if fresh.Contact == known || fresh.Conflict || fresh.Contact == (keyring.Salt{}) {
		t.Error("two unknown identifiers did not make a contact of their own")
	}
	conflict := link(t, v, none, mail, stranger, phone)
	if conflict.Contact != known || conflict.Second != fresh.Contact || !conflict.Conflict {
		t.Error("two known contacts: the first is not Contact or the other not Second")
	}
	v = b.again(t)
	for want, indexes := range map[keyring.Salt][]keyring.Index{known: {user, mail, stranger}, fresh.Contact: {phone, index(5)}} {
		for _, i := range indexes {
			if salt, ok := v.Lookup(i); !ok || salt != want {
				t.Error("links did not last")
			}
		}
	}
	if _, err := v.Link(t.Context(), nil, none); !errors.Is(err, ErrNothing) {
		t.Errorf("error %v", err)
	}
}

func contractVisitors(t *testing.T, b *bed) {
	v := b.start(t)
	one, two := event.Blinded{1}, event.Blinded{2}
	mint(t, v, index(2))
	link(t, v, one, index(2), index(1)) // somebody known, without a key yet
	link(t, v, one, index(2))
	link(t, v, two, index(1))
	link(t, v, one, index(3))
	v = b.again(t)
	link(t, v, one, index(1))
	for i, want := range map[keyring.Index][]event.Blinded{index(1): {one, two}, index(2): {one, two}, index(3): {one}} {
		if got := visitorsOf(t, v, i); !slices.Equal(got, want) {
			t.Errorf("%d visitors, want %d", len(got), len(want))
		}
	}
	if _, err := v.Visitors(t.Context(), index(9)); !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v", err)
	}
}

func contractAlias(t *testing.T, b *bed) {
	v := b.start(t)
	if err := v.MintUnder(t.Context(), []keyring.Index{index(1), index(2)}, Made{Link: 1, Gate: 7}); err != nil {
		t.Fatal(err)
	}
	had := salts(t, v, index(1), index(2))
	pairs := []Pair{{Old: index(1), New: index(11)}, {Old: index(9), New: index(19)}, {Old: index(1), New: index(2)}}
	for range 2 {
		if err := v.Alias(t.Context(), pairs, Made{Link: 1, Gate: 8}); err != nil {
			t.Fatal(err)
		}
	}
	v = b.again(t)
	if got := salts(t, v, index(1), index(11), index(2)); got[0] != had[0] || got[1] != had[0] || got[2] != had[1] {
		t.Error("an alias leads elsewhere")
	}
	if _, known := v.Lookup(index(19)); known {
		t.Error("an alias of nobody")
	}
	if _, _, left, err := v.Remaining(t.Context(), 0, 0, 7); left != 1 || err != nil {
		t.Errorf("%d identifiers under the old key alone, %v", left, err)
	}
}

func contractNumbers(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	gone := contactOf(t, v, index(2))
	if err := v.Forget(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	v = b.again(t)
	mint(t, v, index(3))
	if id := contactOf(t, v, index(3)); id <= gone {
		t.Errorf("number %d again", id)
	}
}

func contractUnknown(t *testing.T, b *bed) {
	v := b.start(t)
	nothing := func(Contents) error { t.Error("called for nobody"); return nil }
	mint(t, v, index(1))
	id := contactOf(t, v, index(1))
	_, contact := v.Contact(t.Context(), index(2))
	_, salt := v.Salt(t.Context(), id+1)
	for name, err := range map[string]error{
		"contact": contact, "salt": salt, "update": v.Update(t.Context(), id+1, nothing), "view": v.View(t.Context(), id+1, nothing),
		"forget": v.Forget(t.Context(), id+1), "keep": v.Merge(t.Context(), id+1, id, nil), "drop": v.Merge(t.Context(), id, id+1, nil),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := v.Merge(t.Context(), id, id, nil); !errors.Is(err, ErrSame) {
		t.Errorf("error %v", err)
	}
	if got, err := v.Salt(t.Context(), id); err != nil || got != salts(t, v, index(1))[0] {
		t.Errorf("another salt by the number, %v", err)
	}
}

func contractData(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	var first, second int64
	update(t, v, one, func(c Contents) (err error) {
		if first, err = c.PutData(Row{Sealed: []byte("a")}); err != nil {
			return err
		}
		second, err = c.PutData(Row{Sealed: []byte("b")})
		return err
	})
	update(t, v, one, func(c Contents) error {
		if id, err := c.PutData(Row{ID: first, Sealed: []byte("A")}); id != first {
			return err
		}
		return c.DeleteData(second)
	})
	update(t, v, two, func(c Contents) error {
		if _, err := c.PutData(Row{ID: first, Sealed: []byte("x")}); !errors.Is(err, ErrNoRow) {
			t.Errorf("wrote another's datum: %v", err)
		}
		if err := c.DeleteData(first); !errors.Is(err, ErrNoRow) {
			t.Errorf("deleted another's datum: %v", err)
		}
		return nil
	})
	v = b.again(t)
	view(t, v, one, func(c Contents) error {
		rows, err := c.Data()
		if len(rows) != 1 || rows[0].ID != first || string(rows[0].Sealed) != "A" {
			t.Errorf("%d rows", len(rows))
		}
		return err
	})
}

func contractAttachments(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	id := [16]byte{1}
	chunk := bytes.Repeat([]byte{7}, 64<<10)
	update(t, v, one, func(c Contents) error {
		if err := c.PutChunk(id, 0, chunk); !errors.Is(err, ErrNoRow) {
			t.Errorf("a part without a head: %v", err)
		}
		return errors.Join(c.PutHead(Head{ID: id, Sealed: []byte("head")}), c.PutChunk(id, 0, []byte("x")), c.PutChunk(id, 0, chunk), c.PutChunk(id, 1, []byte("end")))
	})
	update(t, v, one, func(c Contents) error {
		return c.PutHead(Head{ID: id, Sealed: []byte("HEAD"), Bytes: 65539, Complete: true})
	})
	update(t, v, two, func(c Contents) error {
		_, err := c.Chunk(id, 0)
		for act, err := range map[string]error{
			"head": c.PutHead(Head{ID: id, Sealed: []byte("x")}), "put": c.PutChunk(id, 0, []byte("x")), "chunk": err, "delete": c.DeleteAttachment(id),
		} {
			if !errors.Is(err, ErrNoRow) {
				t.Errorf("%s of another's attachment: %v", act, err)
			}
		}
		return nil
	})
	v = b.again(t)
	view(t, v, one, func(c Contents) error {
		heads, err := c.Attachments()
		if len(heads) != 1 || heads[0].ID != id || string(heads[0].Sealed) != "HEAD" || heads[0].Bytes != 65539 || !heads[0].Complete {
			t.Errorf("%d heads", len(heads))
		}
		first, err1 := c.Chunk(id, 0)
		last, err2 := c.Chunk(id, 1)
		if !bytes.Equal(first, chunk) || string(last) != "end" {
			t.Error("other parts")
		}
		if _, err := c.Chunk(id, 2); !errors.Is(err, ErrNoRow) {
			t.Errorf("a part that is not there: %v", err)
		}
		return errors.Join(err, err1, err2)
	})
	update(t, v, one, func(c Contents) error { return c.DeleteAttachment(id) })
	view(t, v, one, func(c Contents) error {
		heads, err := c.Attachments()
		if len(heads) != 0 {
			t.Error("a deleted attachment is there")
		}
		return err
	})
}

func contractIdentifiers(t *testing.T, b *bed) {
	v := b.start(t)
	had := mint(t, v, index(1), index(2))
	one := contactOf(t, v, index(1))
	update(t, v, one, func(c Contents) error {
		if err := c.Lead(index(2), Made{}); !errors.Is(err, ErrTaken) {
			t.Errorf("took another's identifier: %v", err)
		}
		if err := c.Unlead(index(2)); !errors.Is(err, ErrNoRow) {
			t.Errorf("removed another's identifier: %v", err)
		}
		return errors.Join(c.Lead(index(3), Made{Gate: 5}), c.Lead(index(3), Made{}), c.Lead(index(4), Made{}))
	})
	update(t, v, one, func(c Contents) error { return errors.Join(c.Unlead(index(1)), c.Unlead(index(4))) })
	for range 2 {
		got, err := v.Identifiers(t.Context(), one)
		if err != nil || !slices.Equal(got, []keyring.Index{index(3)}) {
			t.Errorf("%d identifiers, %v", len(got), err)
		}
		if salt, known := v.Lookup(index(3)); !known || salt != had[0] {
			t.Error("the new identifier does not lead to the contact")
		}
		for _, i := range []keyring.Index{index(1), index(4)} {
			if _, known := v.Lookup(i); known {
				t.Error("a removed identifier is known")
			}
		}
		v = b.again(t)
	}
	if fresh := mint(t, v, index(1))[0]; fresh == had[0] {
		t.Error("a removed identifier came back to its contact")
	}
}

func contractFailedUpdate(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1))
	one := contactOf(t, v, index(1))
	stop := errors.New("stop")
	err := v.Update(t.Context(), one, func(c Contents) error {
		_, err := c.PutData(Row{Sealed: []byte("a")})
		return errors.Join(err, c.Lead(index(2), Made{}), c.Unlead(index(1)), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	for range 2 {
		if _, known := v.Lookup(index(2)); known {
			t.Error("what was not written is known")
		}
		if _, known := v.Lookup(index(1)); !known {
			t.Error("what was not removed is unknown")
		}
		view(t, v, one, func(c Contents) error {
			rows, err := c.Data()
			if len(rows) != 0 {
				t.Error("a datum is there")
			}
			return err
		})
		v = b.again(t)
	}
}

func contractDEK(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	key := func(v *Vault, id ContactID, run func(testing.TB, *Vault, ContactID, func(Contents) error)) (dek []byte) {
		run(t, v, id, func(c Contents) error {
			got, err := c.DEK()
			dek = slices.Clone(got)
			return err
		})
		return dek
	}
	if a, b := key(v, one, view), key(v, one, view); len(a) != 32 || bytes.Equal(a, b) {
		t.Error("a key was kept by who only read")
	}
	made := key(v, one, update)
	if len(made) != 32 || !bytes.Equal(made, key(v, one, update)) || bytes.Equal(made, key(v, two, update)) {
		t.Error("keys are not of one contact each")
	}
	v = b.again(t)
	if !bytes.Equal(made, key(v, one, view)) {
		t.Error("the key did not last")
	}
}

// fill gives a contact one of everything, and returns its number.
func fill(t *testing.T, v *Vault, n int) ContactID {
	t.Helper()
	link(t, v, event.Blinded{byte(n)}, index(10*n), index(10*n+1))
	id := contactOf(t, v, index(10*n))
	update(t, v, id, func(c Contents) error {
		_, err := c.PutData(Row{Sealed: []byte{byte(n)}})
		a := [16]byte{byte(n)}
		return errors.Join(err, c.PutHead(Head{ID: a, Sealed: []byte("head"), Complete: true}), c.PutChunk(a, 0, []byte("chunk")))
	})
	return id
}

// moveAll moves everything, as one who knows the keys would.
func moveAll(from, to Contents) error {
	rows, err := from.Data()
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := to.PutData(Row{Sealed: r.Sealed}); err != nil {
			return err
		}
		if err := from.DeleteData(r.ID); err != nil {
			return err
		}
	}
	heads, err := from.Attachments()
	if err != nil {
		return err
	}
	for _, h := range heads {
		chunk, err := from.Chunk(h.ID, 0)
		if err != nil {
			return err
		}
		if err := from.DeleteAttachment(h.ID); err != nil {
			return err
		}
		if err := errors.Join(to.PutHead(h), to.PutChunk(h.ID, 0, chunk)); err != nil {
			return err
		}
	}
	return nil
}

func contractMerge(t *testing.T, b *bed) {
	v := b.start(t)
	keep, drop := fill(t, v, 1), fill(t, v, 2)
	link(t, v, event.Blinded{1}, index(20)) // a visitor that both are
	want := salts(t, v, index(10))[0]
	if err := v.Merge(t.Context(), keep, drop, moveAll); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, i := range []keyring.Index{index(10), index(11), index(20), index(21)} {
			if salt, known := v.Lookup(i); !known || salt != want {
				t.Error("an identifier does not lead to the kept contact")
			}
		}
		if got := visitorsOf(t, v, index(21)); !slices.Equal(got, []event.Blinded{{1}, {2}}) {
			t.Errorf("%d visitors", len(got))
		}
		view(t, v, keep, func(c Contents) error {
			rows, err := c.Data()
			heads, err2 := c.Attachments()
			if len(rows) != 2 || len(heads) != 2 {
				t.Errorf("%d data, %d attachments", len(rows), len(heads))
			}
			return errors.Join(err, err2)
		})
		if _, err := v.Salt(t.Context(), drop); !errors.Is(err, ErrUnknown) {
			t.Errorf("the dropped contact is there: %v", err)
		}
		if identifiers, contacts := v.Counts(); identifiers != 4 || contacts != 1 {
			t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
		}
		v = b.again(t)
	}
}

func contractMergeLeft(t *testing.T, b *bed) {
	v := b.start(t)
	keep, drop := fill(t, v, 1), fill(t, v, 2)
	if err := v.Merge(t.Context(), keep, drop, nil); !errors.Is(err, ErrLeft) {
		t.Errorf("error %v", err)
	}
	stop := errors.New("stop")
	if err := v.Merge(t.Context(), keep, drop, func(from, to Contents) error { return errors.Join(moveAll(from, to), stop) }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	if got := salts(t, v, index(10), index(20)); got[0] == got[1] {
		t.Error("merged")
	}
	view(t, v, drop, func(c Contents) error {
		rows, err := c.Data()
		if len(rows) != 1 {
			t.Error("data were lost")
		}
		return err
	})
}

func contractForget(t *testing.T, b *bed) {
	v := b.start(t)
	one, two := fill(t, v, 1), fill(t, v, 2)
	had := salts(t, v, index(10), index(20))
	if err := v.Forget(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, i := range []keyring.Index{index(10), index(11)} {
			if _, known := v.Lookup(i); known {
				t.Error("an identifier of a forgotten contact is known")
			}
		}
		if _, err := v.Salt(t.Context(), one); !errors.Is(err, ErrUnknown) {
			t.Errorf("error %v", err)
		}
		v.Each(func(id ContactID, salt keyring.Salt) bool {
			if id != two || salt != had[1] {
				t.Error("a forgotten contact is in memory")
			}
			return true
		})
		var rows int
		err := v.db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM identifiers) + (SELECT count(*) FROM visitors) + (SELECT count(*) FROM data) + (SELECT count(*) FROM attachments) + (SELECT count(*) FROM attachment_chunks)").Scan(&rows)
		if rows != 7 || err != nil { // of the other contact
			t.Errorf("%d rows, %v", rows, err)
		}
		v = b.again(t)
	}
	if again := mint(t, v, index(10))[0]; again == had[0] {
		t.Error("a person who came back is the forgotten contact")
	}
}

func contractRewrap(t *testing.T, b *bed) {
	v := b.start(t)
	indexes := make([]keyring.Index, 25)
	for i := range indexes {
		indexes[i] = index(100 + i)
	}
	had := mint(t, v, indexes...)
	fill(t, v, 1)
	b.slots.next()
	mint(t, v, index(200)) // is under the new one at once
	if left, _, _, err := v.Remaining(t.Context(), 1, 0, 0); left != 26 || err != nil {
		t.Errorf("%d contacts under the old key, %v", left, err)
	}
	steps := 0
	for from, done := ContactID(0), false; !done; steps++ {
		var err error
		if from, done, err = v.Rewrap(t.Context(), from, 10); err != nil {
			t.Fatal(err)
		}
		if steps == 1 {
			v = b.again(t) // both versions are read
		}
	}
	if steps != 3 {
		t.Errorf("%d steps", steps)
	}
	if left, _, _, err := v.Remaining(t.Context(), 1, 0, 0); left != 0 || err != nil {
		t.Errorf("%d contacts under the old key, %v", left, err)
	}
	b.slots.destroy(1)
	v = b.again(t)
	if !slices.Equal(salts(t, v, indexes...), had) {
		t.Error("the re-wrap changed a salt")
	}
	if got := visitorsOf(t, v, index(11)); len(got) != 1 {
		t.Error("a visitor is gone")
	}
}

func contractReindex(t *testing.T, b *bed) {
	v := b.start(t)
	indexes := make([]keyring.Index, 25)
	for i := range indexes {
		indexes[i] = index(i)
	}
	had := mint(t, v, indexes...)
	to := func(i keyring.Index) keyring.Index { return keyring.Index(sha256.Sum256(i[:])) }
	if err := v.MintUnder(t.Context(), []keyring.Index{to(index(99))}, Made{Link: 2}); err != nil {
		t.Fatal(err)
	}
	rekey := func() {
		var after keyring.Index
		for done := false; !done; {
			var err error
			if after, done, err = v.Reindex(t.Context(), 2, after, 7, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	rekey()
	for range 2 {
		for i, index := range indexes {
			if salt, known := v.Lookup(to(index)); !known || salt != had[i] {
				t.Fatal("an identifier is lost")
			}
			if _, known := v.Lookup(index); known {
				t.Fatal("the old index is known")
			}
		}
		if _, known := v.Lookup(to(index(99))); !known {
			t.Error("what was minted meanwhile is lost")
		}
		v = b.again(t)
		rekey() // changes nothing
	}
	if _, left, _, err := v.Remaining(t.Context(), 0, 1, 0); left != 0 || err != nil {
		t.Errorf("%d identifiers under the old chain, %v", left, err)
	}
	if identifiers, contacts := v.Counts(); identifiers != 26 || contacts != 26 {
		t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
	}
}

func contractRetire(t *testing.T, b *bed) {
	v := b.start(t)
	if err := errors.Join(
		v.MintUnder(t.Context(), []keyring.Index{index(1), index(2)}, Made{Gate: 7}),
		v.Alias(t.Context(), []Pair{{index(1), index(11)}}, Made{Gate: 8}),
	); err != nil {
		t.Fatal(err)
	}
	had := salts(t, v, index(1))
	var after keyring.Index
	for done := false; !done; {
		var err error
		if after, done, err = v.Retire(t.Context(), 7, after, 2); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := salts(t, v, index(11)); got[0] != had[0] {
			t.Error("the contact is another")
		}
		for _, i := range []keyring.Index{index(1), index(2)} {
			if _, known := v.Lookup(i); known {
				t.Error("an identifier of the retired key is known")
			}
		}
		v = b.again(t)
	}
}

func contractProgress(t *testing.T, b *bed) {
	v := b.start(t)
	if state, err := v.Progress(t.Context(), "slot"); state != nil || err != nil {
		t.Errorf("%d bytes, %v", len(state), err)
	}
	if err := errors.Join(v.SetProgress(t.Context(), "slot", []byte("1")), v.SetProgress(t.Context(), "slot", []byte("2")), v.SetProgress(t.Context(), "link", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	v = b.again(t)
	if state, err := v.Progress(t.Context(), "slot"); string(state) != "2" || err != nil {
		t.Errorf("%q, %v", state, err)
	}
	if err := v.SetProgress(t.Context(), "slot", nil); err != nil {
		t.Fatal(err)
	}
	if state, err := v.Progress(t.Context(), "slot"); state != nil || err != nil {
		t.Errorf("%q, %v", state, err)
	}
}

func contractRemaining(t *testing.T, b *bed) {
	v := b.start(t)
	if slots, links, gates, err := v.Remaining(t.Context(), 1, 1, 0); slots+links+gates != 0 || err != nil {
		t.Errorf("%d, %d, %d of nobody, %v", slots, links, gates, err)
	}
	if err := errors.Join(
		v.MintUnder(t.Context(), []keyring.Index{index(1), index(2)}, Made{}),
		v.MintUnder(t.Context(), []keyring.Index{index(3)}, Made{Link: 2, Gate: 4_000_000_000}),
	); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ slot, link, gate, slots, links, gates int }{{1, 1, 0, 3, 2, 2}, {2, 2, 4_000_000_000, 0, 1, 1}} {
		slots, links, gates, err := v.Remaining(t.Context(), uint32(test.slot), uint32(test.link), uint32(test.gate))
		if err != nil || int(slots) != test.slots || int(links) != test.links || int(gates) != test.gates {
			t.Errorf("%+v: %d, %d, %d, %v", test, slots, links, gates, err)
		}
	}
}

func contractConcurrent(t *testing.T, b *bed) {
	v := b.start(t)
	var wg sync.WaitGroup
	got := make([][]keyring.Salt, 8)
	for worker := range got {
		wg.Go(func() {
			for n := range 5 {
				if err := v.Mint(context.Background(), []keyring.Index{index(1), index(2), index(100*worker + n)}); err != nil {
					t.Error(err)
				}
				if linked, err := v.Link(context.Background(), []keyring.Index{index(3), index(4 + n)}, event.Blinded{byte(n + 1)}); err != nil || linked.Conflict {
					t.Errorf("conflict %v, %v", linked.Conflict, err)
				}
			}
			got[worker] = salts(t, v, index(1), index(2), index(3), index(4), index(8))
		})
	}
	wg.Wait()
	for _, other := range got {
		if !slices.Equal(other, got[0]) || other[2] != other[3] || other[2] != other[4] {
			t.Error("two callers got two salts of one contact")
		}
	}
	v = b.again(t)
	if got := visitorsOf(t, v, index(3)); len(got) != 5 {
		t.Errorf("%d visitors", len(got))
	}
	if !slices.Equal(salts(t, v, index(1), index(2), index(3), index(4), index(8)), got[0]) {
		t.Error("another salt after the start")
	}
}

func contractContext(t *testing.T, b *bed) {
	v := b.start(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, link := v.Link(ended, []keyring.Index{index(1)}, event.Blinded{})
	for name, err := range map[string]error{"mint": v.Mint(ended, []keyring.Index{index(1)}), "link": link} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := v.Load(t.Context(), []keyring.Index{index(1)}); err != nil {
		t.Error(err)
	}
	if _, known := v.Lookup(index(1)); known {
		t.Error("minted for nobody")
	}
}

func contractEach(t *testing.T, b *bed) {
	v := b.start(t)
	const n = 300
	indexes := make([]keyring.Index, n)
	for i := range indexes {
		indexes[i] = keyring.Index(sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i))))
	}
	want := map[keyring.Salt]bool{}
	for _, salt := range mint(t, v, indexes...) {
		want[salt] = true
	}
	v = b.again(t)
	seen := map[ContactID]bool{}
	v.Each(func(id ContactID, salt keyring.Salt) bool {
		if seen[id] || !want[salt] {
			t.Error("a contact twice, or with another salt")
		}
		seen[id] = true
		return true
	})
	if len(seen) != n || len(want) != n {
		t.Errorf("%d contacts, %d salts", len(seen), len(want))
	}
	calls := 0
	v.Each(func(ContactID, keyring.Salt) bool { calls++; return calls < 3 })
	if calls != 3 {
		t.Errorf("%d calls after the end", calls-3)
	}
}
