package record

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Record is one event as it is stored. Consent and Sequence exist for the
// writer's second look at withdrawals; they never reach ClickHouse.
//
// The strings of a Record that Make returned may point into the request's
// buffer, as those of its event.Raw do; those of one that Decode returned are its own.
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
	Flags         event.Flags

	Consent  [3]event.Handle
	Sequence event.Sequence
}

// MaxMessageID is the longest message id, in bytes.
const MaxMessageID = 99

// The reasons why Make refuses.
var (
	// ErrNoPermit: no decision minted the permit.
	ErrNoPermit = errors.New("no permit to store this event")
	// ErrOtherSite: the permit was decided by the policy of another site.
	ErrOtherSite = errors.New("permit is for another site")
	// ErrOtherPeriod: the analytics pseudonym is of another month than the event.
	ErrOtherPeriod = errors.New("permit is for another period")
	// ErrIncomplete: the event lacks its type, its message id or its time of receipt.
	ErrIncomplete = errors.New("event is incomplete")
)

// Make makes the record that the permit allows of a minimised event. It is pure.
//
// In ScopeNone nothing is kept that could tell one person from another: both
// times are cut to the hour, and of the rest only site, type, message id, name,
// page host and path, and country stay.
func Make(p consent.Permit, raw *event.Raw) (Record, error) {
	if !p.Minted() {
		return Record{}, ErrNoPermit
	}
	if raw == nil || raw.Type == event.TypeUnknown || raw.Type > event.TypeAlias ||
		raw.MessageID == "" || len(raw.MessageID) > MaxMessageID || raw.ReceivedAt.IsZero() {
		return Record{}, ErrIncomplete
	}
	if p.Site() != raw.Site {
		return Record{}, ErrOtherSite
	}
	if p.Period() != 0 && p.Period() != periodOf(raw.ReceivedAt) {
		return Record{}, ErrOtherPeriod
	}
	r := Record{
		Site:      raw.Site,
		Type:      raw.Type,
		Scope:     p.Scope(),
		MessageID: raw.MessageID,
		Name:      raw.Name,
		PageHost:  raw.PageHost,
		PagePath:  raw.PagePath,
		Country:   raw.Country,

		Subject:       p.Subject(),
		Visitor:       p.Visitor(),
		Purposes:      p.Purposes(),
		DecidedBy:     p.By().String(),
		PolicyVersion: p.PolicyVersion(),
		KeyVersion:    p.KeyVersion(),
		Consent:       p.Consent(),
		Sequence:      p.Sequence(),
	}
	if p.Released() {
		r.Flags |= event.FlagReleased
	}
	if p.Day() {
		r.Flags |= event.FlagDay
	}
	precision := time.Hour
	if r.Scope != event.ScopeNone {
		precision = time.Millisecond
		r.details(raw)
	}
	r.ReceivedAt = raw.ReceivedAt.UTC().Truncate(precision)
	r.Time = raw.Time.UTC().Truncate(precision)
	if raw.Time.IsZero() {
		r.Time = r.ReceivedAt
	}
	r.ExpiresAt = p.Expires(r.ReceivedAt).Truncate(time.Second)
	return r, nil
}

// details copies what only an event with a subject may keep.
func (r *Record) details(raw *event.Raw) {
	r.PageQuery = raw.PageQuery
	r.PageTitle = raw.PageTitle
	r.RefHost = raw.RefHost
	r.RefPath = raw.RefPath
	r.Campaign = raw.Campaign
	r.Browser = raw.Browser
	r.OS = raw.OS
	r.Device = raw.Device
	r.SourceTag = raw.SourceTag
	r.Group = raw.Group
	r.Properties = raw.Properties
}

// periodOf returns the calendar month of a time.
func periodOf(t time.Time) event.Period {
	t = t.UTC()
	return event.Period(t.Year()*100 + int(t.Month()))
}
