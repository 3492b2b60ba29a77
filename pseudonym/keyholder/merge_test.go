package keyholder

import (
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// pair are two contacts, of which the second has a visitor.
type pair struct {
	gateway

	keep, drop, seen event.Handles
	keepRef, dropRef pseudonym.Ref
}

func newPair(t *testing.T) *pair {
	t.Helper()
	k := start(t, t.TempDir(), func() string { _, s := folders(t); return s }())
	p := &pair{gateway: attend(t, k)}
	p.keep, p.keepRef = p.made(t, "u1")
	p.drop, p.dropRef = p.made(t, "u2")
	for n := range 300 {
		resolve(t, k.Client, contact(n, true))
	}
	visitor := p.query(t, event.KindVisitor, "visitor-1", false)
	p.seen = resolve(t, k.Client, visitor)[0]
	if _, err := k.Link(t.Context(), pseudonym.LinkRequest{Contact: []pseudonym.Query{p.query(t, event.KindUserID, "u2", true)}, Visitor: visitor.H1}); err != nil {
		t.Fatal(err)
	}
	return p
}

// list asks for the contacts of some pseudonyms.
func (p *pair) list(t *testing.T, count int, handles ...event.Handle) map[event.Handle]pseudonym.Listed {
	t.Helper()
	listed, err := p.rights.List(acting(t), handles)
	if err != nil || len(listed) != count {
		t.Fatalf("%d contacts, %v", len(listed), err)
	}
	of := make(map[event.Handle]pseudonym.Listed, len(listed))
	for _, l := range listed {
		of[l.Handle] = l
	}
	return of
}

// hasAll looks for the pseudonyms of each purpose.
func hasAll(t *testing.T, list []pseudonym.Pseudonym, of event.Handles, visitor bool) {
	t.Helper()
	for purpose, h := range map[string]event.Handle{"consent": of.Consent, "profiling": of.Profiling, "analytics": of.Analytics} {
		if !slices.ContainsFunc(list, func(p pseudonym.Pseudonym) bool {
			return p.Handle == h && p.Purpose == purpose && p.Visitor == visitor
		}) {
			t.Errorf("the %s pseudonym is missing", purpose)
		}
	}
}

// TestList: whatever pseudonym is asked for, all of its contact are told, those of
// its visitors too.
func TestList(t *testing.T) {
	p := newPair(t)
	of := p.list(t, 3, p.drop.Consent, p.keep.Profiling, p.keep.Analytics, event.Handle{9})
	if of[p.keep.Profiling].Ref != p.keepRef || of[p.keep.Analytics].Ref != p.keepRef || of[p.drop.Consent].Ref != p.dropRef {
		t.Error("a pseudonym is somebody else's, or nobody's")
	}
	hasAll(t, of[p.drop.Consent].Pseudonyms, p.drop, false)
	hasAll(t, of[p.drop.Consent].Pseudonyms, p.seen, true)
	hasAll(t, of[p.keep.Profiling].Pseudonyms, p.keep, false)
}

// TestListAndMerge: the pseudonyms of a contact that was merged into another are
// told with the other's, and go with them.
func TestListAndMerge(t *testing.T) {
	p := newPair(t)
	p.merge(t)
	told := p.list(t, 1, p.keep.Consent)[p.keep.Consent].Pseudonyms
	hasAll(t, told, p.keep, false)
	hasAll(t, told, p.drop, false)
	hasAll(t, told, p.seen, true)
	forgotten, err := p.rights.Forget(acting(t), p.keepRef)
	if err != nil || len(forgotten) != len(told) {
		t.Errorf("%d pseudonyms forgotten, %v", len(forgotten), err)
	}
	if _, known, err := p.rights.Search(acting(t), "shop", event.KindUserID, "u1", 0); known || err != nil {
		t.Errorf("a forgotten contact is known: %v, %v", known, err)
	}
	if _, err := p.rights.Reveal(acting(t), p.keepRef, nil); !errors.Is(err, pseudonym.ErrNotFound) {
		t.Errorf("a forgotten contact is shown: %v", err)
	}
}

// told are all pseudonyms that are told of a contact.
func (p *pair) told(t *testing.T, by event.Handle) []pseudonym.Pseudonym {
	t.Helper()
	return p.list(t, 1, by)[by].Pseudonyms
}

// missed looks for pseudonyms that are told no more, and for those of merged contacts
// by which alone the contact is not found.
func (p *pair) missed(t *testing.T, ref pseudonym.Ref, all ...pseudonym.Pseudonym) {
	t.Helper()
	now := p.told(t, all[0].Handle)
	for _, one := range all {
		if !slices.Contains(now, one) {
			t.Errorf("a %s pseudonym is missed", one.Purpose)
		}
		if one.Visitor {
			continue
		}
		if got := p.list(t, 1, one.Handle)[one.Handle]; got.Ref != ref || !slices.Equal(got.Pseudonyms, now) {
			t.Errorf("by a %s pseudonym another contact is found, or less of it", one.Purpose)
		}
	}
}

// TestNothingOfMergedIsMissed: what is stored of somebody under any pseudonym that was
// ever told is found with the contact that is left, and by each of those, after one
// merge and another, and after the key of the pseudonyms was rotated in between.
func TestNothingOfMergedIsMissed(t *testing.T) {
	p := newPair(t)
	last, lastRef := p.made(t, "u3")
	all := slices.Concat(p.told(t, p.drop.Consent), p.told(t, p.keep.Consent))
	p.merge(t)
	p.missed(t, p.keepRef, all...)
	p.rotate(t)
	again := resolve(t, p.Client, p.query(t, event.KindUserID, "u2", false))[0]
	if again.Profiling == p.keep.Profiling {
		t.Fatal("nothing was rotated")
	}
	// Rows of the dropped one are not rewritten: they stay listed. Those of the other are.
	all = slices.DeleteFunc(all, func(one pseudonym.Pseudonym) bool { return one.Handle == p.keep.Profiling })
	all = append(all, p.told(t, again.Profiling)...)
	p.missed(t, p.keepRef, all...)
	if _, _, err := p.rights.Merge(acting(t), lastRef, p.keepRef, false); err != nil {
		t.Fatal(err)
	}
	p.missed(t, lastRef, append(all, p.told(t, last.Consent)...)...)
	forgotten, err := p.rights.Forget(acting(t), lastRef)
	for _, one := range all {
		if err != nil || !slices.Contains(forgotten, one) {
			t.Errorf("a %s pseudonym is not told to be erased, %v", one.Purpose, err)
		}
	}
	p.list(t, 0, all[0].Handle)
}

// rotate rotates the key of profiling as gateways do that rewrite what is stored.
func (p *pair) rotate(t *testing.T) {
	t.Helper()
	rotated := make(chan error, 1)
	go func() {
		rotated <- p.admin.Rotate(t.Context(), pseudonym.Rotation{Key: "purpose-profiling"}, func(pseudonym.Progress) {})
	}()
	for {
		select {
		case err := <-rotated:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(20 * time.Millisecond): // it may not have begun
			if err := p.admin.RotateDone(t.Context(), "purpose-profiling"); err != nil && !errors.Is(err, pseudonym.ErrRefused) {
				t.Fatal(err)
			}
		}
	}
}

// merge previews first, which changes nothing.
func (p *pair) merge(t *testing.T) {
	t.Helper()
	kept, dropped, err := p.rights.Merge(acting(t), p.keepRef, p.dropRef, true)
	if err != nil {
		t.Fatal(err)
	}
	hasAll(t, kept, p.keep, false)
	hasAll(t, dropped, p.drop, false)
	u2 := p.query(t, event.KindUserID, "u2", false)
	if got := resolve(t, p.Client, u2)[0]; got != p.drop {
		t.Fatal("a preview merged")
	}
	if _, _, err := p.rights.Merge(acting(t), p.keepRef, p.dropRef, false); err != nil {
		t.Fatal(err)
	}
	if got := resolve(t, p.Client, u2)[0]; got != p.keep {
		t.Error("the dropped contact's identifier does not lead to the other")
	}
}
