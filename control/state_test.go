package control

import (
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
)

// contractCountriesAndMinors: where a contact lives and that it is a minor are in
// its record, reach as far as they should, and go with the contact.
func contractCountriesAndMinors(t *testing.T, cfg Config) {
	s := open(t, cfg)
	contact, visitor := handle(1), handle(2)
	if _, err := s.Link(t.Context(), site, contact, visitor); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetCountry(t.Context(), site, contact, "US-CA", "ana", "asked"); err != nil {
		t.Fatal(err)
	}
	of := time.Now().UTC().AddDate(3, 0, 0).Truncate(24 * time.Hour)
	if _, err := s.SetMinor(t.Context(), site, contact, of, "ana", "asked"); err != nil {
		t.Fatal(err)
	}
	california, _ := consent.ParseJurisdiction("us-ca")
	got := found(t, s, Lookup{Handle: contact}).Record
	if got.Place != california || got.Minority.Minor != consent.DayOf(of) || got.Minority.Ward != consent.DayOf(of.AddDate(13-18, 0, 0)) {
		t.Errorf("%v, %+v", got.Place, got.Minority)
	}
	linked := found(t, s, Lookup{Handle: visitor}).Record
	if linked.Place != consent.JurisdictionUnknown || linked.Linked != consent.Places(0).With(california) || linked.Minority != got.Minority {
		t.Errorf("the visitor: %v, %b, %+v", linked.Place, linked.Linked, linked.Minority)
	}
	if _, err := s.Link(t.Context(), site, handle(3), visitor); err != nil {
		t.Fatal(err)
	}
	linked = found(t, s, Lookup{Handle: visitor}).Record
	if linked.Linked != consent.Places(0).With(california).With(consent.JurisdictionUnknown) {
		t.Errorf("the visitor of two contacts: %b", linked.Linked)
	}
	history, err := s.History(t.Context(), site, contact, 10)
	if err != nil || len(history) != 3 || history[1].Country != "US-CA" || !history[2].Until.Equal(of) {
		t.Fatalf("%d entries, %v", len(history), err)
	}
	appendAll(t, s, entry(contact, ledger.StateErased, ""))
	if got := found(t, s, Lookup{Handle: contact}).Record; got.Place != consent.JurisdictionUnknown || got.Minority != (consent.Minority{}) {
		t.Error("country and minority outlived the contact")
	}
	if history, err = s.History(t.Context(), site, contact, 10); err != nil || history[1].Country != "" {
		t.Errorf("the country stays in the ledger: %v", err)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// contractOptOut: an opt-out by signal reaches linked visitors, and only the
// person lifts it.
func contractOptOut(t *testing.T, cfg Config) {
	s := open(t, cfg)
	contact, visitor := handle(1), handle(2)
	if _, err := s.Link(t.Context(), site, contact, visitor); err != nil {
		t.Fatal(err)
	}
	out := entry(contact, ledger.StateOptedOut, "")
	out.Key = "gpc"
	first := appendAll(t, s, out)
	if again := appendAll(t, s, out); again.Sequence != first.Sequence || s.Sequence() != first.Sequence {
		t.Error("an opt-out is written once")
	}
	if !found(t, s, Lookup{Handle: contact}).Record.OptOut || !found(t, s, Lookup{Handle: visitor}).Record.OptOut {
		t.Error("an opt-out is not in the records")
	}
	appendAll(t, s, entry(contact, ledger.StateOptedIn, ""))
	if found(t, s, Lookup{Handle: visitor}).Record.OptOut {
		t.Error("an opt-out was not lifted")
	}
}

// contractEndOfAGrant: a grant's own end is in the record, and the clock's word
// that it is over is taken only when it is.
func contractEndOfAGrant(t *testing.T, cfg Config) {
	s := open(t, cfg)
	a := handle(1)
	grant := entry(a, ledger.StateGiven, "analytics")
	grant.Until = grant.At.AddDate(0, 6, 0)
	appendAll(t, s, grant)
	if held := found(t, s, Lookup{Handle: a}).Record.Purposes[3]; held.Choice != consent.ChoiceGiven || held.Until != consent.DayOf(grant.Until) {
		t.Errorf("%+v", held)
	}
	over := entry(a, ledger.StateExpired, "analytics")
	over.Channel = ledger.ChannelClock
	if appendAll(t, s, over); s.Sequence() != 1 {
		t.Error("a grant that lasts was taken for over")
	}
	over.At = grant.Until
	if appendAll(t, s, over); found(t, s, Lookup{Handle: a}).Record.Purposes[3].Choice != consent.ChoiceUnset {
		t.Error("a grant that is over holds")
	}
}
