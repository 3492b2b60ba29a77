package keyholder

import (
	"errors"
	"slices"
	"testing"

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
