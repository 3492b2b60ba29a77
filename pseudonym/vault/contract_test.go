package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

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
	"cases": contractCases, "a case keeps from merges": contractCaseMerge, "destroy": contractDestroy, "a failed destruction": contractDestroyFails,
	"destroy again": contractRedestroy, "journal of erasures": contractJournal, "tombstones": contractTombs, "seen": contractSeen,
	"cases are re-wrapped": contractCaseRewrap,
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
