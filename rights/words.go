package rights

import (
	"context"
	"errors"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Who says whom a request is about, in one of several ways. It prints as [redacted].
type Who = pseudonym.Who

// Opening is what a request begins with.
type Opening struct {
	Site     event.SiteID
	Right    control.Right
	Mode     control.EraseMode // of an erasure; empty: erase
	Scope    []event.PurposeID
	Who      Who
	Origin   string // operator form mail phone letter opendsr retention import self restore
	Proof    string // cookie link key operator; none, also when empty: it is yet to be proven who asks
	ProofBy  string
	Actor    string
	Reason   string
	Received time.Time // zero: now
	// Known refuses with ErrNobody, and keeps nothing, when nobody is known by Who.
	Known bool
	// Once refuses with control.ErrOpen, and keeps no duplicate, when one of the right
	// is open about the same person; that one is returned.
	Once bool
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
	Ground string            // of deny
	Months int               // of extend
	Told   time.Time         // of deny and extend
	Task   string            // of sign_off
	Proof  string            // of prove: cookie link key operator
	Who    Who               // of supply
	Scope  []event.PurposeID // of supply
}

// Performer does what a right asks for. Perform is called once a request is in
// progress, and again after every start, resume and retry: it must be idempotent.
// It ends by Finish, at once or later; an error is tried again, unless it is a
// Trouble that does not pass.
type Performer interface {
	Perform(ctx context.Context, r control.Request) error
}

// Eraser is told of erasures at once, beside being their Performer.
type Eraser interface {
	// Accepted hides those whom approved erasures, and ones in progress, are about. It
	// may be called again.
	Accepted(ctx context.Context, r []control.Request, of []pseudonym.OpenedCase) error
	// TakenBack undoes that, for an erasure that is not going to be done, but for showing
	// them: that is for Deps.Shown, once it is written that it is not.
	TakenBack(ctx context.Context, r control.Request) error
	// Settled says that something by hand was done that an erasure may have waited for.
	Settled(ctx context.Context, id control.RequestID) error
}

// Trouble is why something could not be done: a class to be shown, never content.
type Trouble struct {
	Class  string
	Passes bool // it is worth being tried again
	Err    error
}

// Error implements error.
func (t *Trouble) Error() string { return t.Class + ": " + t.Err.Error() }

// Unwrap returns what happened.
func (t *Trouble) Unwrap() error { return t.Err }

// The errors that callers tell apart, beside control.ErrOpen.
var (
	ErrNobody     = errors.New("nobody is known by that")
	ErrMerging    = errors.New("two contacts are being made one: try again")
	ErrLinked     = errors.New("the browser is a contact's: forget the contact")
	ErrRequest    = errors.New("there is no such request")
	ErrTransition = errors.New("a request in this state cannot be dealt with so")
	ErrTooLate    = errors.New("it is too late: the erasure has begun")
	ErrOwn        = errors.New("whoever opened a request does not approve it")
	ErrTask       = errors.New("no task of this name waits to be signed off")
	ErrErasure    = errors.New("an erasure is complete with its certificate alone")
)

// FieldError says which field of an opening or an act is wrong, and what is
// expected there; it never repeats what was given.
type FieldError struct{ Field, Reason string }

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func field(name, reason string) error { return &FieldError{name, reason} }
