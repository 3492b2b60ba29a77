package subjects

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Identity is one blinded identifier of a request.
type Identity struct {
	H1   event.Blinded
	Kind event.IdentifierKind
	// Mint makes the contact when it is unknown. Only for callers entitled to it
	// (a secret key, a proof, an operator); visitors need no minting.
	Mint bool
	// While the gateway's key rotates (pseudonym.Both): H1 under the key before, so
	// that a contact is found by either, and the version that H1 is under.
	Old  event.Blinded
	Gate uint32
}

// IdentityOf is an identifier under the live gate keys.
func IdentityOf(b pseudonym.Both, kind event.IdentifierKind, mint bool) Identity {
	return Identity{H1: b.H1, Kind: kind, Mint: mint, Old: b.Old, Gate: b.Gate}
}

// query asks the keyholder about the identity.
func (id *Identity) query(mint bool, p event.Period) pseudonym.Query {
	return pseudonym.Query{H1: id.H1, Kind: id.Kind, Mint: mint, Period: p, Old: id.Old, Gate: id.Gate}
}

// Entry is one person as the keyholder and the ledger knew them at one point in
// the order of changes. It is a copy of its own; what Record and Contacts return
// is shared with others. The zero Entry is nobody.
type Entry struct {
	Handles event.Handles

	h1       event.Blinded
	held     *held
	sequence event.Sequence // of the snapshot that it was loaded from
	read     int64          // when it was read for this load, by hearing.now; 0: it comes from memory
	made     uint32         // of the identifier's shard, read before the load
	kind     event.IdentifierKind
	known    bool // a visitor, or a contact that surely exists: the handles are no decoy
}

// NewEntry makes the entry of a person outside of any set, for those who stand
// in for one. It is no answer of a Set's Load, and Accept knows nothing of it.
func NewEntry(handles event.Handles, record consent.Record, contacts ...event.Handle) Entry {
	return Entry{Handles: handles, held: &held{record: &record, contacts: contacts}, sequence: record.Sequence}
}

// IsZero says whether the entry is nobody's.
func (e *Entry) IsZero() bool { return e.held == nil }

// Record is what is held about the person, refusals of linked contacts included.
// It is shared by many and must not be written to. Its sequence may be a little
// below that of what is in it, never above.
func (e *Entry) Record() *consent.Record { return e.held.record }

// Late says whether what happened at a time is an erased person's: the identifier was
// part of an erasure, and it was before its cut-off.
func (e *Entry) Late(at time.Time) bool {
	return e.Handles.Erased != 0 && at.UnixMilli() < e.Handles.Erased
}

// Sequence is the place in the order of changes that the person was read at: every
// change up to it is in the record, and none after it.
func (e *Entry) Sequence() event.Sequence { return e.sequence }

// Contacts are the consent handles of the contacts that a visitor is linked to,
// or that a contact is in conflict with. Their refusals are in Record already.
// They must not be written to.
func (e *Entry) Contacts() []event.Handle { return e.held.contacts }

// The errors that callers tell apart. Each means that nothing is known about
// the person, and so that nothing may be stored about them.
var (
	ErrKeyholderAway = errors.New("the keyholder cannot be asked about an unknown identifier")
	ErrControlAway   = errors.New("the control store cannot be read or written")
	ErrStale         = errors.New("what was known about the person has changed; load again")
	ErrSite          = errors.New("no such site")
	ErrIdentity      = errors.New("not an identifier")
	ErrPurpose       = errors.New("no such purpose")
	ErrContract      = errors.New("what a contract with the person needs is neither agreed nor objected to (GDPR Art. 6(1)(b))")
	ErrVersion       = errors.New("the choices were made about another version of the policy")
	ErrClosed        = errors.New("the consent set is closed")
)

// period returns the analytics period of a time, and when it begins and ends.
func period(t time.Time) (p event.Period, from, until time.Time) {
	t = t.UTC()
	year, month, _ := t.Date()
	from = time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return event.Period(year*100 + int(month)), from, from.AddDate(0, 1, 0)
}
