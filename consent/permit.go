package consent

import (
	"time"

	"zgoda/event"
)

// Permit is the right to store one event: one scope, at most one subject and
// one visitor, and the purposes it is stored under. Only this package mints one;
// the zero Permit is refused by record.Make.
type Permit struct {
	minted   bool
	scope    event.Scope
	subject  event.Handle
	visitor  event.Handle
	consent  [3]event.Handle
	sequence event.Sequence
	purposes event.PurposeSet
	by       Source
	policy   uint32
	key      event.KeyVersion
	keep     Retention
}

// Identities are the handles of everyone a request is about, as the cached
// consent set answered them; zero where there is none.
type Identities struct {
	Visitor, Contact, Second event.Handles
}

// Permit mints the permit for the widest scope that the decision allows.
// ok is false when nothing may be stored. The sequence is the smallest of the
// records that were decided by.
func (d *Decision) Permit(ids Identities) (p Permit, ok bool) {
	return Permit{}, false
}

// Minted says whether the permit came from a decision.
func (p *Permit) Minted() bool { return p.minted }

// Scope returns how much identity may be stored.
func (p *Permit) Scope() event.Scope { return p.scope }

// Subject returns the pseudonym to store, zero in ScopeNone.
func (p *Permit) Subject() event.Handle { return p.subject }

// Visitor returns the visitor's pseudonym to store, zero but in ScopePerson.
func (p *Permit) Visitor() event.Handle { return p.visitor }

// Consent returns the consent handles that were decided by, for the writer's
// second look; zero where there is none.
func (p *Permit) Consent() [3]event.Handle { return p.consent }

// Sequence returns the control sequence of the decision.
func (p *Permit) Sequence() event.Sequence { return p.sequence }

// Purposes returns the purposes that the event is stored under.
func (p *Permit) Purposes() event.PurposeSet { return p.purposes }

// By returns who decided about the purpose that set the scope.
func (p *Permit) By() Source { return p.by }

// PolicyVersion returns the version of the policy that was decided by.
func (p *Permit) PolicyVersion() uint32 { return p.policy }

// KeyVersion returns the version of the key of Subject.
func (p *Permit) KeyVersion() event.KeyVersion { return p.key }

// Expires returns when a row received at t must be gone: the longest retention
// of the purposes it is stored under.
func (p *Permit) Expires(t time.Time) time.Time { return p.keep.After(t) }
