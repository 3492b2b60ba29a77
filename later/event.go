package later

import (
	"errors"

	"zgoda/consent"
	"zgoda/event"
)

// Event is one event that waits, reduced already. Its texts are its own once it was
// read; one that is to be written may point into its request.
type Event struct {
	Raw event.Raw // without Properties
	// Person and Period are the properties that may be stored in those scopes;
	// empty where the event itself rules the scope out.
	Person, Period string

	Secret   bool             // of a server's key
	NoOrigin bool             // of a public key without an Origin
	Told     bool             // a server told the person's address
	Link     bool             // the identifiers are to lead to one contact
	Unset    bool             // a page held it until somebody would have chosen
	Released event.PurposeSet // what a grant on that page released it for
	Class    consent.Class

	// AsOf is a place in the order of changes: every one up to it was made before
	// the event came.
	AsOf event.Sequence
	// Policy and Purposes are those that Signals were read by: the readings of a
	// statement are in the order of Purposes.
	Policy   uint32
	Purposes []Purpose
	Signals  consent.Signals

	// Sealed holds the identifiers: Visitors of visitors, the one that the event is
	// stored under first, then the contacts, the named one first.
	Sealed   []byte
	Visitors int

	// Said is what the event says of its contact, sealed to the keyholder; empty: nothing
	// that is kept.
	Said []byte
}

// Purpose is one purpose of the policy that an event came under.
type Purpose struct {
	Bit     uint8
	Version uint32
}

// PurposesOf lists the purposes of a policy, appended to dst.
func PurposesOf(dst []Purpose, p *consent.Policy) []Purpose {
	for i := range p.Purposes {
		dst = append(dst, Purpose{Bit: p.Purposes[i].Bit, Version: p.Purposes[i].Version})
	}
	return dst
}

// ErrNever is what every error is after which an event can never be decided. It is
// kept in the quarantine then.
var ErrNever = errors.New("the event can never be decided")

// SignalsFor returns the signals as they bear on a policy, which may have changed
// since the event came. A purpose that did not exist then, or said something else,
// is refused; what was refused stays refused; and what a request granted counts for
// the version of the policy that it was granted under alone.
func (e *Event) SignalsFor(p *consent.Policy) consent.Signals {
	out := e.Signals
	for s := range min(max(out.Count, 0), len(out.Statements)) {
		from, to := &e.Signals.Statements[s], &out.Statements[s]
		to.Readings = consent.Readings{}
		for i := range p.Purposes {
			at := e.purpose(p.Purposes[i].Bit)
			if at < 0 {
				continue
			}
			if r := from.Readings.At(at); r != consent.Granted || e.Policy == p.Version {
				to.Readings.Set(i, r)
			}
		}
	}
	var changed consent.Statement // of nobody: it can refuse only
	any := false
	for i := range p.Purposes {
		at := e.purpose(p.Purposes[i].Bit)
		if at < 0 || e.Purposes[at].Version != p.Purposes[i].Version {
			changed.Say(i, consent.Refused)
			any = true
		}
	}
	if any {
		out.Put(&changed)
	}
	return out
}

// purpose returns the place of the purpose with the bit, or -1.
func (e *Event) purpose(bit uint8) int {
	for i := range e.Purposes {
		if e.Purposes[i].Bit == bit {
			return i
		}
	}
	return -1
}
