package subjects

import (
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/record"
)

// What is spooled is dropped when an opt-out by signal or a minority was recorded
// since it was decided, as far as it reaches what the row is stored for.
func TestRecheckOfOptOutsAndMinors(t *testing.T) {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	const gone event.SiteID = "gone"
	analytics := event.PurposeSet(0).With(bitAnalytics)
	both := analytics.With(bitProfiling)
	for _, c := range []struct {
		name     string
		site     event.SiteID
		purposes event.PurposeSet
		state    ledger.State
		until    time.Time
		want     event.Reason
	}{
		{"an opt-out", site, both, ledger.StateOptedOut, time.Time{}, event.ReasonWithdrawn},
		{"an opt-out, of another purpose", site, analytics, ledger.StateOptedOut, time.Time{}, event.ReasonNone},
		{"an opt-out, a site that is gone", gone, both, ledger.StateOptedOut, time.Time{}, event.ReasonWithdrawn},
		{"a minor", site, both, ledger.StateMinor, now.AddDate(1, 0, 0), event.ReasonWithdrawn},
		{"a minor who needs no guardian", site, analytics, ledger.StateMinor, now.AddDate(1, 0, 0), event.ReasonNone},
		{"a minor who needs one", site, analytics, ledger.StateMinor, now.AddDate(9, 0, 0), event.ReasonWithdrawn},
		{"of full age", site, both, ledger.StateMinor, now.AddDate(0, 0, -1), event.ReasonNone},
		{"a minor, a site that is gone", gone, analytics, ledger.StateMinor, now.AddDate(1, 0, 0), event.ReasonWithdrawn},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			who := event.Handle{1}
			e := ledger.Entry{Site: c.site, Subject: who, State: c.state, Until: c.until, Type: ledger.EventExplicit, Channel: "api", At: now.AddDate(-2, 0, 0)}
			if _, err := w.set.change(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			row := record.Record{Site: c.site, Scope: event.ScopePerson, Purposes: c.purposes, Consent: [3]event.Handle{{2}, who}}
			if got, err := w.recheck(t, row); got != c.want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// A guardian's grant carries what is spooled of a minor, and only of whom it names.
func TestRecheckOfWards(t *testing.T) {
	w := newWorld(t)
	child := event.Handle{1}
	row := record.Record{Site: site, Scope: event.ScopePeriod, Consent: [3]event.Handle{{2}, child}, Purposes: event.PurposeSet(0).With(bitAnalytics)}
	write := func(e ledger.Entry) {
		t.Helper()
		e.Site, e.Subject, e.Type, e.At = site, child, ledger.EventExplicit, time.Now().UTC()
		if _, err := w.set.change(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	look := func(want event.Reason) {
		t.Helper()
		if got, err := w.recheck(t, row); got != want || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	write(ledger.Entry{State: ledger.StateMinor, Channel: "api", Until: time.Now().UTC().AddDate(9, 0, 0)})
	look(event.ReasonWithdrawn)
	grant := ledger.Entry{State: ledger.StateGiven, Purpose: "analytics", PurposeVersion: 2, Channel: "api"}
	write(grant) // the child's own
	look(event.ReasonWithdrawn)
	grant.Guardian, grant.GuardianRef = true, "form 7"
	write(grant)
	look(event.ReasonNone)
	row.Purposes = row.Purposes.With(bitProfiling)
	look(event.ReasonWithdrawn)
}
