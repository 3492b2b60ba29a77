package control

import (
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// What a browser said while its user was a minor ends when they come of age, also
// where only the contact that the visitor is tied to is known to be one.
func TestLinkedMinorityEndsGrants(t *testing.T) {
	const minor consent.Day = 21000
	visitor, contact := event.Handle{1}, event.Handle{2}
	policy := &consent.Policy{Site: "shop", Purposes: []consent.Purpose{
		{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Version: 1}, {ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Version: 1},
	}}
	given := consent.Day(20000).Time()
	r := &reading{site: "shop", contacts: map[event.Handle][]event.Handle{visitor: {contact}}}
	for _, p := range policy.Purposes {
		r.chose(visitor, choice{purpose: p.ID, held: consent.Held{Choice: consent.ChoiceGiven, Version: 1}, given: given.UnixMicro()})
	}
	found := func() consent.Record {
		var f Found
		r.found(&Lookup{Policy: policy, Handle: visitor}, &f)
		return f.Record
	}
	if got := found(); got.Purposes[1].Until != 0 || got.Purposes[2].Until != 0 {
		t.Fatalf("a grant of nobody known to be a minor ends: %v", got.Purposes[:3])
	}
	r.stands(contact, standing{country: "DE", minor: minor})
	ward := consent.DayOf(minor.Time().AddDate(-2, 0, 0).In(time.UTC))
	got := found()
	if got.Minority != (consent.Minority{Minor: minor, Ward: ward}) {
		t.Fatalf("minority %v", got.Minority)
	}
	if got.Purposes[1].Until != ward || got.Purposes[2].Until != ward {
		t.Errorf("analytics until %s, profiling until %s, want %s", got.Purposes[1].Until, got.Purposes[2].Until, ward)
	}
}
