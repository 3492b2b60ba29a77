package vault

import (
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

func caseID(n byte) [16]byte { return [16]byte{0: n, 15: 0xca} }

// casing is a vault with a contact of two identifiers and two visitors.
type casing struct {
	*Vault

	t       *testing.T
	contact ContactID
	salt    keyring.Salt
	at      time.Time
}

func newCasing(t *testing.T, b *bed) *casing {
	t.Helper()
	c := &casing{Vault: b.start(t), t: t, at: time.Now().Truncate(time.Millisecond).UTC()}
	c.salt = mint(t, c.Vault, index(1))[0]
	link(t, c.Vault, event.Blinded{1}, index(1), index(2))
	link(t, c.Vault, event.Blinded{2}, index(1))
	c.contact = contactOf(t, c.Vault, index(1))
	return c
}

func (c *casing) open(list ...Case) []Case {
	c.t.Helper()
	for i := range list {
		list[i].Opened = c.at
	}
	kept, err := c.OpenCases(c.t.Context(), list)
	if err != nil || len(kept) != len(list) {
		c.t.Fatalf("%d of %d cases, %v", len(kept), len(list), err)
	}
	return kept
}

func (c *casing) cases(ids ...[16]byte) []Case {
	c.t.Helper()
	list, err := c.Cases(c.t.Context(), ids)
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// destroy destroys with a tombstone for each identifier, and returns who was doomed.
func (c *casing) destroy(ids ...[16]byte) (doomed []Doomed, list []Erasure) {
	c.t.Helper()
	list, err := c.Destroy(c.t.Context(), ids, func(d *Doomed) (Remains, error) {
		doomed = append(doomed, *d)
		left := Remains{Erasure: Erasure{At: c.at, Until: c.at.Add(time.Hour), Sealed: []byte("sealed " + string(d.Case.ID[:]))}}
		for n, led := range d.Identifiers {
			left.Tombs = append(left.Tombs, Tomb{Key: "tomb-1", Tag: [16]byte(led.Index[:16]), Link: led.Link, Cutoff: c.at.Add(time.Duration(n) * time.Second)})
		}
		return left, nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return doomed, list
}

func (c *casing) tombs() (list []Tomb) {
	c.t.Helper()
	if _, err := c.EachTomb(c.t.Context(), 0, func(t Tomb) { list = append(list, t) }); err != nil {
		c.t.Fatal(err)
	}
	return list
}

// contractCases: a case is kept once, whoever it is about, and lasts.
func contractCases(t *testing.T, b *bed) {
	c := newCasing(t, b)
	about := Case{ID: caseID(1), Site: "shop", Contact: c.contact}
	visitor := Case{ID: caseID(2), Site: "shop", Visitor: event.Blinded{7}}
	nobody := Case{ID: caseID(3), Contact: c.contact + 100}
	kept := c.open(about, visitor, nobody)
	if kept[0].State != CaseOpen || kept[1].State != CaseOpen || kept[2].State != CaseElsewhere {
		t.Fatalf("states %d, %d, %d", kept[0].State, kept[1].State, kept[2].State)
	}
	again := c.open(Case{ID: caseID(1), Visitor: event.Blinded{9}})
	if again[0] != kept[0] {
		t.Error("a case was opened about somebody else")
	}
	c.Vault = b.again(t)
	if got := c.cases(caseID(1), caseID(2), caseID(3), caseID(4)); !slices.Equal(got, kept[:2]) {
		t.Errorf("%d cases are kept, or others", len(got))
	}
	n := 0
	err := c.EachCase(t.Context(), func(_ [16]byte, opened time.Time) error {
		if n++; !opened.Equal(c.at) {
			t.Errorf("opened %s", opened)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d cases, %v", n, err)
	}
	for range 2 {
		if err := c.CloseCases(t.Context(), [][16]byte{caseID(1), caseID(9)}); err != nil {
			t.Fatal(err)
		}
		if got := c.cases(caseID(1), caseID(2)); len(got) != 1 || got[0] != kept[1] {
			t.Errorf("%d cases are left", len(got))
		}
	}
}

// contractCaseMerge: whom an open case is about is not merged with anybody.
func contractCaseMerge(t *testing.T, b *bed) {
	c := newCasing(t, b)
	mint(t, c.Vault, index(5))
	other := contactOf(t, c.Vault, index(5))
	c.open(Case{ID: caseID(1), Contact: c.contact})
	for _, pair := range [][2]ContactID{{c.contact, other}, {other, c.contact}} {
		if err := c.Mergeable(t.Context(), pair[0], pair[1]); !errors.Is(err, ErrCase) {
			t.Errorf("they may be merged: %v", err)
		}
		if err := c.Merge(t.Context(), pair[0], pair[1], nil); !errors.Is(err, ErrCase) {
			t.Errorf("merged: %v", err)
		}
	}
	if err := c.CloseCases(t.Context(), [][16]byte{caseID(1)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Mergeable(t.Context(), other, c.contact); err != nil {
		t.Error(err)
	}
	if err := c.Merge(t.Context(), other, c.contact, nil); err != nil {
		t.Error(err)
	}
}

// contractDestroy: everything of a contact goes, once, and what is left of it is the
// journal's entry and its tombstones.
func contractDestroy(t *testing.T, b *bed) {
	c := newCasing(t, b)
	mint(t, c.Vault, index(5))
	c.open(Case{ID: caseID(1), Site: "shop", Contact: c.contact}, Case{ID: caseID(2), Contact: c.contact}, Case{ID: caseID(3), Visitor: event.Blinded{8}})
	doomed, list := c.destroy(caseID(1), caseID(3))
	first := doomed[0]
	if len(doomed) != 2 || first.Contact != c.contact || first.Salt != c.salt || len(first.Identifiers) != 2 || len(first.Visitors) != 2 {
		t.Fatalf("%d were doomed, with %d identifiers and %d visitors, or another salt", len(doomed), len(first.Identifiers), len(first.Visitors))
	}
	if doomed[1].Contact != 0 || doomed[1].Case.Visitor != (event.Blinded{8}) {
		t.Error("a visitor's case is of somebody else")
	}
	for range 2 {
		v := c.Vault
		for n := range 2 {
			if _, known := v.Lookup(index(1 + n)); known {
				t.Error("an identifier still leads somewhere")
			}
		}
		if _, known := v.Lookup(index(5)); !known {
			t.Error("somebody else went too")
		}
		if _, err := v.Salt(t.Context(), c.contact); !errors.Is(err, ErrUnknown) {
			t.Errorf("the salt: %v", err)
		}
		again, same := c.destroy(caseID(3), caseID(1))
		if len(again) != 0 || !slices.EqualFunc(same, []Erasure{list[1], list[0]}, sameErasure) {
			t.Error("doing it again did something, or answered something else")
		}
		if got := c.tombs(); len(got) != 2 || got[0].Link != 1 {
			t.Errorf("%d tombstones", len(got))
		}
		c.Vault = b.again(t)
	}
	if got := c.cases(caseID(1), caseID(2), caseID(3)); len(got) != 3 || slices.ContainsFunc(got, func(c Case) bool {
		return c.State != CaseDestroyed || c.Contact != 0 || !c.Visitor.IsZero()
	}) {
		t.Error("a case still knows whom it was about")
	}
	if doomed, _ := c.destroy(caseID(2)); len(doomed) != 1 || doomed[0].Contact != 0 {
		t.Error("another case of the contact is of somebody")
	}
	if _, err := c.Destroy(t.Context(), [][16]byte{caseID(9)}, nil); !errors.Is(err, ErrNoCase) {
		t.Errorf("a case that was never opened: %v", err)
	}
	if err := c.CloseCases(t.Context(), [][16]byte{caseID(1)}); err != nil {
		t.Fatal(err)
	}
	if got := c.open(Case{ID: caseID(1), Visitor: event.Blinded{1}}); got[0].State != CaseDestroyed {
		t.Errorf("a case that was destroyed and closed is %d", got[0].State)
	}
}

func sameErasure(a, b Erasure) bool {
	return a.ID == b.ID && a.At.Equal(b.At) && a.Until.Equal(b.Until) && string(a.Sealed) == string(b.Sealed)
}

// contractDestroyFails: where the entry cannot be made, nothing goes.
func contractDestroyFails(t *testing.T, b *bed) {
	c := newCasing(t, b)
	c.open(Case{ID: caseID(1), Contact: c.contact})
	broken := errors.New("broken")
	if _, err := c.Destroy(t.Context(), [][16]byte{caseID(1)}, func(*Doomed) (Remains, error) { return Remains{}, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if salt, known := c.Lookup(index(2)); !known || salt != c.salt {
		t.Error("the contact is gone")
	}
	if got := c.cases(caseID(1)); len(got) != 1 || got[0].State != CaseOpen {
		t.Error("the case is not open")
	}
}

// contractRedestroy: who is there again goes again, and the journal has the entry.
func contractRedestroy(t *testing.T, b *bed) {
	c := newCasing(t, b)
	c.open(Case{ID: caseID(1), Contact: c.contact})
	e := Erasure{ID: caseID(1), At: c.at, Until: c.at.Add(time.Hour), Sealed: []byte("x")}
	for range 2 {
		err := c.Redestroy(t.Context(), e, []ContactID{c.contact}, func(d *Doomed) ([]Tomb, error) {
			return []Tomb{{Key: "tomb-1", Tag: [16]byte(d.Identifiers[0].Index[:16]), Link: 1, Cutoff: c.at}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, known := c.Lookup(index(1)); known || len(c.tombs()) != 1 {
		t.Error("the contact is there, or there is no tombstone")
	}
	if got, err := c.Erasures(t.Context(), [][16]byte{caseID(1), caseID(2)}); err != nil || len(got) != 1 || !sameErasure(got[0], e) {
		t.Errorf("%d entries, %v", len(got), err)
	}
	if got := c.cases(caseID(1)); len(got) != 1 || got[0].State != CaseDestroyed {
		t.Error("the case still knows whom it was about")
	}
}

// contractJournal: entries and tombstones end when their time is over, and no sooner.
func contractJournal(t *testing.T, b *bed) {
	c := newCasing(t, b)
	c.open(Case{ID: caseID(1), Contact: c.contact})
	_, list := c.destroy(caseID(1))
	for _, end := range []struct {
		at    time.Time
		ended int64
	}{{list[0].Until.Add(-time.Millisecond), 0}, {list[0].Until, 1}} {
		if got, err := c.EndErasures(t.Context(), end.at); err != nil || got != end.ended {
			t.Errorf("%d ended, %v", got, err)
		}
		left := int64(0)
		if err := c.EachErasure(t.Context(), func([16]byte) error { left++; return nil }); err != nil || left != 1-end.ended {
			t.Errorf("%d are left, %v", left, err)
		}
	}
	for _, kept := range []string{"tomb-1", "tomb-2"} {
		if err := c.EndTombs(t.Context(), []string{kept}); err != nil {
			t.Fatal(err)
		}
		if got := len(c.tombs()); (got == 2) != (kept == "tomb-1") {
			t.Errorf("%d tombstones while the key %s is kept", got, kept)
		}
	}
}

// contractTombs: a later cut-off stays, and is told behind a cursor where several
// keyholders have to hear of it.
func contractTombs(t *testing.T, b *bed) {
	c := newCasing(t, b)
	mint(t, c.Vault, index(5))
	c.open(Case{ID: caseID(1), Contact: c.contact}, Case{ID: caseID(2), Contact: contactOf(t, c.Vault, index(5))})
	c.destroy(caseID(1))
	next, err := c.EachTomb(t.Context(), 0, func(Tomb) {})
	if err != nil {
		t.Fatal(err)
	}
	tag := [16]byte(bytesOf(index(1))[:16])
	write := func(id [16]byte, cutoff time.Time) {
		t.Helper()
		_, err := c.Destroy(t.Context(), [][16]byte{id}, func(*Doomed) (Remains, error) {
			return Remains{Erasure: Erasure{At: c.at, Until: c.at, Sealed: []byte{1}}, Tombs: []Tomb{{Key: "tomb-1", Tag: tag, Link: 1, Cutoff: cutoff}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	later := c.at.Add(time.Hour)
	write(caseID(2), later)
	c.open(Case{ID: caseID(3), Visitor: event.Blinded{3}})
	write(caseID(3), c.at.Add(-time.Hour))
	found := false
	if _, err := c.EachTomb(t.Context(), next, func(one Tomb) { found = found || one.Tag == tag && one.Cutoff.Equal(later) }); err != nil || !found {
		t.Errorf("the later cut-off is not told, %v", err)
	}
}

// contractSeen: contacts are idle from when they were last seen, to a week.
func contractSeen(t *testing.T, b *bed) {
	day := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	now := day
	b.cfg.Now = func() time.Time { return now }
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	idle := func(before time.Time) (list []ContactID) {
		t.Helper()
		if err := v.Idle(t.Context(), Day(before), func(id ContactID) bool { list = append(list, id); return true }); err != nil {
			t.Fatal(err)
		}
		return list
	}
	now = day.AddDate(0, 0, 30)
	v.See(v.Today(), index(1))
	v.See(v.Today(), index(9))
	tests := []struct {
		before int // days after the first
		want   []ContactID
	}{
		{7, nil}, {8, []ContactID{two}}, {30, []ContactID{two}}, {37, []ContactID{two}}, {38, []ContactID{one, two}},
	}
	for range 2 {
		for _, test := range tests {
			if got := idle(day.AddDate(0, 0, test.before)); !slices.Equal(got, test.want) {
				t.Errorf("before day %d: %d idle contacts", test.before, len(got))
			}
		}
		v = b.again(t)
	}
	now = day.AddDate(0, 0, 33) // less than a week: nothing is noted
	v.See(v.Today(), index(1))
	if got := idle(day.AddDate(0, 0, 38)); len(got) != 2 {
		t.Errorf("%d idle contacts", len(got))
	}
	v.See(v.Today(), index(2))
	if err := v.WriteSeen(t.Context()); err != nil {
		t.Fatal(err)
	}
	v = b.again(t)
	if got := idle(day.AddDate(0, 0, 38)); !slices.Equal(got, []ContactID{one}) {
		t.Errorf("%d idle contacts", len(got))
	}
}

// contractCaseRewrap: no case is left under an old slot key.
func contractCaseRewrap(t *testing.T, b *bed) {
	c := newCasing(t, b)
	var cases []Case
	for n := range byte(5) {
		cases = append(cases, Case{ID: caseID(n), Visitor: event.Blinded{n + 1}})
	}
	kept := c.open(append(cases, Case{ID: caseID(9), Contact: c.contact})...)
	b.slots.next()
	if left, _, _, err := c.Remaining(t.Context(), 1, 0, 0); err != nil || left != 6 {
		t.Errorf("%d are under the old key, %v", left, err)
	}
	for from, done := ContactID(0), false; !done; {
		var err error
		if from, done, err = c.Rewrap(t.Context(), from, 2); err != nil {
			t.Fatal(err)
		}
	}
	if left, _, _, err := c.Remaining(t.Context(), 1, 0, 0); err != nil || left != 0 {
		t.Errorf("%d are left under the old key, %v", left, err)
	}
	b.slots.destroy(1)
	if got := c.cases(caseID(0), caseID(1), caseID(2), caseID(3), caseID(4), caseID(9)); !slices.Equal(got, kept) {
		t.Error("cases are others")
	}
}

// TestDumpBeginsWithErasures: who is destroyed while a dump is made may be among its
// contacts, and so must not be in its journal.
func TestDumpBeginsWithErasures(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	defer b.close(t)
	c := newCasing(t, b)
	c.open(Case{ID: caseID(1), Contact: c.contact}, Case{ID: caseID(2), Visitor: event.Blinded{2}})
	c.destroy(caseID(2))
	erasures, contacts := 0, 0
	err := c.Dump(t.Context(), func(d Dumped) error {
		switch {
		case d.Erasure != nil:
			erasures++
		case d.Contact != nil:
			if contacts++; contacts == 1 {
				c.destroy(caseID(1))
			}
		}
		return nil
	})
	if err != nil || contacts != 1 || erasures != 1 {
		t.Errorf("%d contacts, %d erasures, %v", contacts, erasures, err)
	}
}
