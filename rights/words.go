package rights

import (
	"context"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Who says whom a request is about, in one of several ways. It prints as [redacted].
type Who struct {
	Kind   event.IdentifierKind
	Value  string
	Handle event.Handle // a contact's consent pseudonym
	Sealed []byte       // a visitor, sealed to the keyholder (pseudonym/sealed)
	Ref    pseudonym.Ref
	Idle   []byte // of pseudonym.Rights.Idle
}

// Opening is what a request begins with.
type Opening struct {
	Site     event.SiteID
	Right    control.Right
	Mode     control.EraseMode
	Scope    []event.PurposeID
	Who      Who
	Origin   string
	Proof    string
	ProofBy  string
	Actor    string
	Reason   string
	Received time.Time // zero: now
}

// Opened is the answer to one Opening.
type Opened struct {
	Request control.Request
	Err     error
}

// Act is something that is done with a request.
type Act struct {
	Name   string // approve deny extend pause resume cancel retry prove supply sign_off doubt undo
	Actor  string
	Note   string
	Ground string    // of deny
	Months int       // of extend
	Told   time.Time // of deny and extend
	Task   string    // of sign_off
}

// Performer does what a right asks for. Perform is called once a request is in
// progress, and again after every start and retry: it must be idempotent.
type Performer interface {
	Perform(ctx context.Context, r control.Request) error
}
