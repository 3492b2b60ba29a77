package cases

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/vault"
)

// TestOpen: a person is found by every way of naming them, once and for all, and nobody
// is made by it.
func TestOpen(t *testing.T) {
	overBoth(t, func(t *testing.T, h *holder) {
		t.Helper()
		jana := h.mint([]string{"jana", "jana2"}, "v1")
		h.mint([]string{"petr"})
		own := h.handles(jana)
		keys, err := h.ring.Sealing()
		h.must(err)
		public, err := sealed.Public(keys[0].Key)
		h.must(err)
		seal := func(kind event.IdentifierKind, value string) []byte {
			blob, err := sealed.Seal(nil, public, sealed.Identifiers{Gate: h.ring.Gateway().Gate[0].Version, List: []sealed.Identifier{{H1: h.blinded(kind, value), Kind: kind}}})
			h.must(err)
			return blob
		}
		name := h.names.of(jana, h.at)
		old := h.names.of(jana, h.at.Add(-2*time.Hour))
		forged := name
		forged[3] ^= 1
		tests := map[string]struct {
			who   Who
			state vault.CaseState
			first event.Handle
		}{
			"identifier":         {Who{Kind: event.KindUserID, Value: "jana2"}, vault.CaseOpen, own.Consent},
			"reference":          {Who{Ref: []byte{byte(jana)}}, vault.CaseOpen, own.Consent},
			"consent pseudonym":  {Who{Handle: own.Consent}, vault.CaseOpen, own.Consent},
			"pseudonym of month": {Who{Handle: own.Analytics}, vault.CaseOpen, own.Consent},
			"sealed contact":     {Who{Sealed: seal(event.KindUserID, "jana")}, vault.CaseOpen, own.Consent},
			"sealed visitor":     {Who{Sealed: seal(event.KindVisitor, "v9")}, vault.CaseOpen, h.visitor("v9").Consent},
			"visitor":            {Who{Kind: event.KindVisitor, Value: "v1"}, vault.CaseOpen, h.visitor("v1").Consent},
			"idle name":          {Who{Idle: name[:]}, vault.CaseOpen, own.Consent},
			"old idle name":      {Who{Idle: old[:]}, 0, event.Handle{}},
			"forged idle name":   {Who{Idle: forged[:]}, 0, event.Handle{}},
			"nobody":             {Who{Kind: event.KindUserID, Value: "somebody"}, 0, event.Handle{}},
			"no pseudonym":       {Who{Handle: event.Handle{5}}, 0, event.Handle{}},
			"damaged blob":       {Who{Sealed: []byte("damaged")}, 0, event.Handle{}},
			"contact who left":   {Who{Ref: []byte{200}}, vault.CaseElsewhere, event.Handle{}},
		}
		n := 0
		for name, test := range tests {
			n++
			got := h.ask(Asked{ID: caseID(n), Site: site, Who: test.who})[0]
			if got.State != test.state || got.ID != caseID(n) {
				t.Errorf("%s: state %d", name, got.State)
				continue
			}
			if got.State != vault.CaseOpen {
				continue
			}
			if got.Pseudonyms[0].Handle != test.first || got.Pseudonyms[0].Purpose != "consent" {
				t.Errorf("%s: somebody else", name)
			}
			again := h.ask(byUser(n, "petr"))[0] // the case is about whom it was about
			if !slices.Equal(again.Pseudonyms, got.Pseudonyms) {
				t.Errorf("%s: a case went over to another person", name)
			}
		}
		if _, contacts := h.vault.Counts(); contacts != 2 {
			t.Errorf("%d contacts", contacts)
		}
		d := h.deriver()
		defer d.Release()
		for name, bad := range map[string][]Asked{
			"nobody is named": {{ID: caseID(99)}}, "twice the same": {byUser(98, "jana"), byUser(98, "jana")}, "no id": {{Who: Who{Ref: []byte{1}}}},
			"no identifier of its kind": {{ID: caseID(97), Site: site, Who: Who{Kind: event.KindEmail, Value: "x"}}},
		} {
			if _, err := h.Find(t.Context(), d, bad); !errors.Is(err, ErrWho) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestPseudonymsAreAll: those of every purpose, of every version and period that is
// kept, of linked visitors, and of contacts that were merged in.
func TestPseudonymsAreAll(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	jana, other := h.mint([]string{"jana"}, "v1"), h.mint([]string{"jana2"}, "v2")
	want := map[string]event.Handle{}
	note := func(of string, handles event.Handles) {
		want[of+" consent"], want[of+" profiling"], want[of+" analytics"] = handles.Consent, handles.Profiling, handles.Analytics
	}
	note("own", h.handles(jana))
	note("merged", h.handles(other))
	note("visitor 1", h.visitor("v1"))
	note("visitor 2", h.visitor("v2"))
	all, err := h.ring.All(t.Context())
	h.must(err)
	past, err := h.ofContact(t.Context(), all, other)
	h.must(err)
	h.must(h.people.Merge(t.Context(), jana, other, pastsOf(past)))
	h.at = h.at.AddDate(0, 1, 0) // another month
	note("next month", h.handles(jana))
	version, err := h.ring.Make(t.Context(), "purpose-profiling")
	h.must(err)
	h.must(h.ring.Promote(t.Context(), "purpose-profiling", version))
	note("rotated", h.handles(jana))
	h.ask(byUser(1, "jana"))
	got := h.listed(caseID(1), caseID(2))
	if len(got) != 1 || got[0].ID != caseID(1) || got[0].Site != site {
		t.Fatalf("%d are listed", len(got))
	}
	for name, handle := range want {
		if !has(got[0].Pseudonyms, handle) {
			t.Errorf("%s is not listed", name)
		}
	}
	last, consents := uint32(0), 0
	for _, p := range got[0].Pseudonyms {
		if p.Visitor != last {
			if last = p.Visitor; p.Purpose != "consent" {
				t.Errorf("visitor %d begins with %s", last, p.Purpose)
			}
		}
		if p.Purpose == "consent" && p.Visitor != 0 {
			consents++
		}
	}
	if last != 2 || consents != 2 {
		t.Errorf("%d visitors, %d consent pseudonyms of visitors", last, consents)
	}
	var of []Person
	h.must(h.PseudonymsOf(t.Context(), map[event.Handle]bool{want["merged consent"]: true, want["own profiling"]: true, {9}: true}, func(p Person) error { of = append(of, p); return nil }))
	if len(of) != 1 || of[0].Handle != want["merged consent"] || !slices.Equal(of[0].Pseudonyms, got[0].Pseudonyms) {
		t.Error("they are not found by what a contact had that was merged in")
	}
}

// pastsOf are the pseudonyms of a contact's own as they are kept after a merge.
func pastsOf(list []Pseudonym) (past []person.Past) {
	of := map[string]person.Purpose{"consent": person.PurposeConsent, "profiling": person.PurposeProfiling, "analytics": person.PurposeAnalytics}
	for _, p := range list {
		if p.Visitor == 0 {
			past = append(past, person.Past{Handle: p.Handle, Purpose: of[p.Purpose], Period: p.Period, Version: p.Version})
		}
	}
	return past
}

// TestIdentifiers: a recipient is told the identifiers of the kinds that it wants, and no
// trait.
func TestIdentifiers(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	jana := h.mint([]string{"jana"})
	d := h.deriver()
	_, _, err := h.people.Put(t.Context(), jana, site, []person.Datum{
		{Kind: event.KindEmail, Value: "jana@example.org", Source: "form"}, {Kind: event.KindPhone, Value: "+421905123456", Source: "form"}, {Name: "name", Value: "Jana", Source: "form"},
	}, 0, h.ways(d))
	d.Release()
	h.must(err)
	h.ask(byUser(1, "jana"), byVisitor(2, "v1"))
	for _, test := range []struct {
		id    int
		kinds []event.IdentifierKind
		want  string
	}{
		{1, []event.IdentifierKind{event.KindEmail}, "[jana@example.org]"},
		{1, nil, "[jana@example.org +421905123456]"},
		{1, []event.IdentifierKind{event.KindCustomerID}, "[]"},
		{2, nil, "[]"},
	} {
		list, err := h.Identifiers(t.Context(), caseID(test.id), test.kinds)
		h.must(err)
		values := []string{}
		for _, one := range list {
			values = append(values, one.Value)
		}
		if got := fmt.Sprint(values); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
	h.destroy(h.order(1))
	for _, n := range []int{1, 3} {
		if _, err := h.Identifiers(t.Context(), caseID(n), nil); !errors.Is(err, ErrNoCase) {
			t.Errorf("case %d: %v", n, err)
		}
	}
}

// TestIdle: contacts that nobody has seen for a year are named, and a case can be opened
// by the name.
func TestIdle(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	h.mint([]string{"jana"})
	petr := h.mint([]string{"petr"})
	h.at = h.at.AddDate(1, 0, 0)
	h.vault.See(h.vault.Today(), h.index("jana"))
	var names [][NameSize]byte
	idle := func(limit int) int {
		names = nil
		h.must(h.Idle(t.Context(), vault.Day(h.at.AddDate(0, -6, 0)), limit, func(n [NameSize]byte) error { names = append(names, n); return nil }))
		return len(names)
	}
	if idle(0) != 0 || idle(10) != 1 {
		t.Fatalf("%d contacts are idle", len(names))
	}
	got := h.ask(Asked{ID: caseID(1), Who: Who{Idle: names[0][:]}})[0]
	if got.State != vault.CaseOpen || got.Pseudonyms[0].Handle != h.handles(petr).Consent {
		t.Error("another contact is idle")
	}
}
