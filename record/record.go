package record

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Record is one event as it is stored. Consent and Sequence exist for the
// writer's second look at withdrawals; they never reach ClickHouse.
type Record struct {
	Site          event.SiteID
	Type          event.Type
	Scope         event.Scope
	MessageID     string
	Time          time.Time // UTC, millisecond; the hour in ScopeNone
	ReceivedAt    time.Time // UTC, millisecond; the hour in ScopeNone
	ExpiresAt     time.Time // UTC, second
	Subject       event.Handle
	Visitor       event.Handle
	Name          string
	PageHost      string
	PagePath      string
	PageQuery     string
	PageTitle     string
	RefHost       string
	RefPath       string
	Campaign      event.Campaign
	Browser       string
	OS            string
	Device        string
	Country       string
	SourceTag     string
	Group         event.Blinded
	Properties    string // a JSON object, or empty
	Purposes      event.PurposeSet
	DecidedBy     string
	PolicyVersion uint32
	KeyVersion    event.KeyVersion

	Consent  [3]event.Handle
	Sequence event.Sequence
}

// ErrNoPermit is returned by Make for a permit that no decision minted.
var ErrNoPermit = errors.New("no permit to store this event")

// Make makes the record that the permit allows of a minimised event.
func Make(p consent.Permit, raw *event.Raw) (Record, error) {
	return Record{}, ErrNoPermit
}
