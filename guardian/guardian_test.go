package guardian_test

import (
	"errors"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/guardian"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// TestEntries: by country, when a guardian's grant lapses, and when none is
// needed.
func TestEntries(t *testing.T) {
	for _, c := range []struct {
		born, country string
		always        bool
		renew         consent.Retention
		until         string
		err           error
	}{
		{"2014-05-01", "SK", false, consent.Retention{}, "2030-05-01", nil},
		{"2014-05-01", "PL", false, consent.Retention{}, "2030-05-01", nil},
		{"2014-05-01", "CZ", false, consent.Retention{}, "2029-05-01", nil},
		{"2014-05-01", "AT", false, consent.Retention{}, "2028-05-01", nil},
		{"2014-05-01", "FI", false, consent.Retention{}, "2027-05-01", nil},
		{"2014-05-01", "", false, consent.Retention{}, "2030-05-01", nil},
		{"2014-05-01", "FI", false, consent.Retention{Months: 1}, "2026-12-22", nil},
		{"2012-05-01", "AT", false, consent.Retention{}, "", guardian.ErrNoMinor},
		{"2012-05-01", "AT", true, consent.Retention{}, "2030-05-01", nil},
		{"2001-05-01", "SK", true, consent.Retention{}, "", guardian.ErrNoMinor},
		{"2027-05-01", "SK", false, consent.Retention{}, "", guardian.ErrBorn},
		{"1801-05-01", "SK", false, consent.Retention{}, "", guardian.ErrBorn},
	} {
		p := consent.Purpose{ID: "analytics", Basis: consent.BasisConsent, Kind: consent.KindAnalytics, Version: 1, Guardian: c.always, Renew: c.renew}
		grant := ledger.Entry{
			Site: "shop", Subject: event.Handle{1}, Purpose: "analytics", PurposeVersion: 1, Channel: ledger.ChannelOperator,
			At: day("2026-11-22"), Key: "k",
		}
		entries, err := guardian.Entries(&p, grant, guardian.Minor{Born: day(c.born), Country: c.country}, "passport, seen by the till", time.Time{})
		if !errors.Is(err, c.err) {
			t.Errorf("%s %s: %v", c.born, c.country, err)
		}
		if err != nil || c.err != nil {
			continue
		}
		want := 2
		if c.country != "" {
			want = 3
		}
		if len(entries) != want {
			t.Fatalf("%d entries", len(entries))
		}
		keys := map[string]bool{}
		for i := range entries {
			if err := entries[i].Validate(); err != nil {
				t.Error(err)
			}
			keys[entries[i].Key] = true
		}
		last := entries[len(entries)-1]
		if got := last.Until.Format(time.DateOnly); got != c.until || !last.Guardian || last.GuardianRef == "" || last.State != ledger.StateGiven {
			t.Errorf("%s %s: until %s, want %s", c.born, c.country, got, c.until)
		}
		if of := entries[0].Until.Format(time.DateOnly); of != day(c.born).AddDate(18, 0, 0).Format(time.DateOnly) {
			t.Errorf("a minor until %s", of)
		}
		if len(keys) != want {
			t.Error("entries share a key")
		}
	}
}

func TestEntriesRefuse(t *testing.T) {
	grant := ledger.Entry{At: day("2026-11-22")}
	m := guardian.Minor{Born: day("2014-05-01")}
	if _, err := guardian.Entries(&consent.Purpose{Basis: consent.BasisConsent}, grant, m, "", time.Time{}); !errors.Is(err, guardian.ErrNotVerified) {
		t.Error(err)
	}
	if _, err := guardian.Entries(&consent.Purpose{Basis: consent.BasisLegitimateInterest}, grant, m, "x", time.Time{}); !errors.Is(err, guardian.ErrBasis) {
		t.Error(err)
	}
}

// TestNobodyGrantsProfilingOfAMinor: such a grant would end before it could count.
func TestNobodyGrantsProfilingOfAMinor(t *testing.T) {
	p := consent.Purpose{ID: "ads", Basis: consent.BasisConsent, Kind: consent.KindProfiling, Version: 1}
	grant := ledger.Entry{Site: "shop", Subject: event.Handle{1}, Purpose: "ads", PurposeVersion: 1, At: day("2026-11-22")}
	for born, want := range map[string]error{"2014-05-01": guardian.ErrProfiles, "2001-05-01": guardian.ErrNoMinor} {
		if entries, err := guardian.Entries(&p, grant, guardian.Minor{Born: day(born), Country: "SK"}, "passport", time.Time{}); !errors.Is(err, want) || entries != nil {
			t.Errorf("born %s: %v", born, err)
		}
	}
}
