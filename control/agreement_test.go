package control

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// contractAgreements: agreements are kept by document, listed by contact, and those
// without one in force are found.
func contractAgreements(t *testing.T, cfg Config) {
	t.Helper()
	s, at := open(t, cfg), askedAt
	a := Agreement{Site: site, Contact: handle(1), Document: [16]byte{1}, Kind: "contract", Signed: at}
	over := Agreement{Site: site, Contact: handle(2), Document: [16]byte{2}, Kind: "contract", Signed: at, Until: at.AddDate(0, 1, 0)}
	other := Agreement{Site: site, Contact: handle(2), Document: [16]byte{3}, Kind: "nda", Signed: at}
	for _, one := range []Agreement{over, a, other, a} {
		if err := s.PutAgreement(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	for name, bad := range map[string]Agreement{
		"kind": {Site: site, Contact: handle(1), Document: [16]byte{1}, Kind: "a contract", Signed: at}, "nobody": {Site: site, Document: [16]byte{1}, Kind: "a", Signed: at},
		"end": {Site: site, Contact: handle(1), Document: [16]byte{1}, Kind: "a", Signed: at, Until: at},
	} {
		if err := s.PutAgreement(t.Context(), bad); !errors.Is(err, ErrAgreement) {
			t.Errorf("%s: %v", name, err)
		}
	}
	later := at.AddDate(0, 2, 0)
	for name, c := range map[string]struct {
		q    AgreementQuery
		want []Agreement
	}{
		"all":      {AgreementQuery{Site: site}, []Agreement{a, over, other}},
		"kind":     {AgreementQuery{Site: site, Kind: "contract"}, []Agreement{a, over}},
		"in force": {AgreementQuery{Site: site, Kind: "contract", InForce: later}, []Agreement{a}},
		"contact":  {AgreementQuery{Site: site, Contacts: []event.Handle{handle(2), handle(9)}}, []Agreement{over, other}},
		"page":     {AgreementQuery{Site: site, Contact: over.Contact, Document: over.Document}, []Agreement{other}},
		"site":     {AgreementQuery{Site: "other"}, nil},
	} {
		if got, err := s.Agreements(t.Context(), c.q); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	contractWithout(t, s, later)
	if err := s.MoveAgreements(t.Context(), site, handle(2), handle(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.DropAgreement(t.Context(), site, handle(1), over.Document); err != nil {
		t.Fatal(err)
	}
	other.Contact = handle(1)
	if got, err := s.Agreements(t.Context(), AgreementQuery{Site: site}); err != nil || !reflect.DeepEqual(got, []Agreement{a, other}) {
		t.Errorf("moved: %+v, %v", got, err)
	}
}

func contractWithout(t *testing.T, s *Store, later time.Time) {
	t.Helper()
	appendAll(t, s, entry(handle(4), ledger.StateRefused, "profiling"), entry(handle(5), ledger.StateRefused, "profiling"),
		tie(ledger.StateLinked, handle(3), handle(4)))
	for kind, want := range map[string][]event.Handle{
		"contract": {handle(2), handle(3), handle(5)}, "nda": {handle(1), handle(3), handle(5)}, "": {handle(3), handle(5)},
	} {
		got, err := s.WithoutAgreement(t.Context(), site, kind, later, event.Handle{}, 0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("without %q: %v, %v", kind, got, err)
		}
	}
	if got, err := s.WithoutAgreement(t.Context(), site, "contract", askedAt, handle(3), 1); err != nil || !slices.Equal(got, []event.Handle{handle(5)}) {
		t.Errorf("a page: %v, %v", got, err)
	}
}

// contractExported: an export is noted before it is handed out, and once.
func contractExported(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	first := Exported{Request: RequestID{1}, At: askedAt, Actor: "ana", Format: "json", Items: ExportedInPart}
	second := Exported{Request: RequestID{2}, At: askedAt.Add(time.Second), Actor: "bob", Format: "csv", Recipient: "other.example", Items: 7}
	for _, e := range []Exported{second, first} {
		if err := s.PutExported(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	first.Items = 12
	if err := s.PutExported(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ExportedOf(t.Context(), []RequestID{{2}, {1}, {3}}); err != nil || !reflect.DeepEqual(got, []Exported{first, second}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.ExportedOf(t.Context(), nil); err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
