package guardian

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
)

// Minor is what is known of the person.
type Minor struct {
	Born    time.Time
	Country string // ISO 3166-1 alpha-2; empty: not known, so the age of 16 counts
}

// The errors of Entries. Each is the reason that follows the name of a field.
var (
	ErrBorn        = errors.New("is not the date of birth of a person alive")
	ErrNoMinor     = errors.New("says that the person was old enough to agree alone")
	ErrNotVerified = errors.New("is missing: how the guardian was verified")
	ErrProfiles    = errors.New("profiles, and a minor is never profiled")
	ErrBasis       = errors.New("does not rest on consent")
)

// oldest is what nobody was yet, in years.
const oldest = 125

// Entries completes a grant of the purpose, which has its subject, time, channel
// and texts, as one of a guardian, and returns it after the entries that it needs
// beside it. said is an end of its own that the grant has, or zero.
func Entries(p *consent.Purpose, grant ledger.Entry, m Minor, verified string, said time.Time) ([]ledger.Entry, error) {
	if p.Basis != consent.BasisConsent {
		return nil, ErrBasis
	}
	if verified == "" {
		return nil, ErrNotVerified
	}
	if m.Born.IsZero() || m.Born.After(grant.At) || m.Born.Before(grant.At.AddDate(-oldest, 0, 0)) {
		return nil, ErrBorn
	}
	given := consent.DayOf(grant.At)
	minority := consent.MinorityOf(m.Born, m.Country, given)
	needed := minority.Ward > given || p.Guardian && minority.Minor > given
	if !needed {
		return nil, ErrNoMinor
	}
	if p.Kind == consent.KindProfiling { // it would end before it could count
		return nil, ErrProfiles
	}
	var end consent.Day
	if !said.IsZero() {
		end = consent.DayOf(said)
	}
	grant.State, grant.Type, grant.Guardian, grant.GuardianRef = ledger.StateGiven, ledger.EventExplicit, true, verified
	grant.Until = p.Until(given, end, minority).Time()
	about := func(state ledger.State, key string) ledger.Entry {
		e := ledger.Entry{
			Site: grant.Site, Subject: grant.Subject, State: state, Type: ledger.EventExpressed, Proof: grant.Proof, ProofRef: grant.ProofRef,
			Channel: grant.Channel, Surface: grant.Surface, Actor: grant.Actor, At: grant.At,
		}
		if grant.Key != "" {
			e.Key = grant.Key + " " + key
		}
		return e
	}
	minor := about(ledger.StateMinor, "minor")
	minor.Until = minority.Minor.Time()
	entries := []ledger.Entry{minor}
	if m.Country != "" {
		located := about(ledger.StateLocated, "located")
		located.Country = m.Country
		entries = append(entries, located)
	}
	return append(entries, grant), nil
}
