package consent

import "zgoda/event"

// State is the standing of a data subject as a whole.
type State uint8

// The standings of a data subject.
const (
	StateActive     State = iota
	StateRestricted       // Art. 18: kept, neither changed nor used
	StateErased           // Art. 17: nothing may be stored any more
)

var stateNames = [...]string{"active", "restricted", "erased"}

// String returns the standing in one word; an unknown one is "restricted".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return stateNames[StateRestricted]
}

// Choice is what the ledger holds about one purpose of one data subject.
type Choice uint8

// The choices on record. The zero value means that nothing was ever said.
const (
	ChoiceUnset     Choice = iota
	ChoiceGiven            // an explicit grant
	ChoiceRefused          // refused when asked
	ChoiceWithdrawn        // given once, withdrawn since
	ChoiceObjected         // Art. 21
)

var choiceNames = [...]string{"unset", "given", "refused", "withdrawn", "objected"}

// String returns the choice as the ledger writes it; an unknown one is "refused".
func (c Choice) String() string {
	if int(c) < len(choiceNames) {
		return choiceNames[c]
	}
	return choiceNames[ChoiceRefused]
}

// Refuses says whether the choice stands against the purpose. A choice that is
// not known refuses.
func (c Choice) Refuses() bool { return c != ChoiceUnset && c != ChoiceGiven }

// Held is the ledger's current entry for one purpose.
type Held struct {
	Version uint32 // of the purpose's text and scope that was agreed to or refused
	// Until is the first day on which a grant does not count any more, zero for
	// none. Purpose.Until makes it. A refusal has no end.
	Until  Day
	Choice Choice
	// Dialogue is true when the choice was made in our own dialogue; GPC, DNT and
	// ADPC tell which browser signals were present while it was.
	Dialogue, GPC, DNT, ADPC bool
	// Guardian is true when a minor's guardian gave the grant, verified.
	Guardian bool
}

// Record is what the control store holds about one data subject at one point in
// its order of changes, refusals of linked contacts included. It is a value
// without pointers.
type Record struct {
	Sequence     event.Sequence // read before the record was loaded
	State        State
	ProfilingOff bool                    // the switch, over all purposes of kind profiling
	AutomatedOff bool                    // Art. 22: decides about decisions, never about what is stored
	Purposes     [event.MaxPurposes]Held // by the purpose's bit
	// OptOut is true when Global Privacy Control of the contact was recorded as an
	// opt-out under the law of a US state. It holds without the signal.
	OptOut bool
	// Place is whose rules hold in the contact's country. A contact's that is
	// unknown stands for the strictest; a visitor's that is unknown for nothing,
	// since a visitor's place is the address's.
	Place Jurisdiction
	// Linked is where the contacts are that it is linked to or in conflict with;
	// one whose country is unknown stands for the strictest, as everywhere.
	Linked Places
	// Minority is of the data subject, or of the youngest one linked.
	Minority Minority
}

// Speaker says for whom the request's own statements count.
type Speaker uint8

// The speakers. The zero value may refuse for everyone and grant for nobody.
const (
	SpeaksForNobody  Speaker = iota
	SpeaksForVisitor         // a public key: the visitor of the request
	SpeaksForContact         // a secret key that names a contact: the controller's server states it
)

var speakerNames = [...]string{"nobody", "visitor", "contact"}

// String returns the speaker in one word.
func (s Speaker) String() string {
	if int(s) < len(speakerNames) {
		return speakerNames[s]
	}
	return speakerNames[SpeaksForNobody]
}

// Subject is everyone a request is about.
type Subject struct {
	Visitor *Record // nil when the request has no visitor
	Contact *Record // nil when no contact is named, or the naming was not proven
	// Second is a second contact that the request's identifiers lead to; a
	// refusal of either denies.
	Second *Record
	// Speaks says for whom the request's grants count.
	Speaks Speaker
	// Server is true for a secret key: a contact's event then never inherits the
	// visitor's grants.
	Server bool
	// NoOrigin is true for a public key without an Origin: scope none only.
	NoOrigin bool
	// Address is whose rules hold in the country of the person's address; one
	// that is unknown stands for the strictest.
	Address Jurisdiction
	// Class is what the site says of the event's page, name and properties.
	Class Class
	// Today is the day of the decision. Zero is unknown: whatever has an end has
	// ended, and minors are still minors.
	Today Day
	// Unset is true for an event that was made before the person had chosen, and
	// was held on its page since. Purposes that need a grant are then denied but
	// for those of Released, for which a grant on that page released it. Both only
	// deny: who claims them gets nothing for it.
	Unset    bool
	Released event.PurposeSet
}

// Agreed returns the record of somebody who agreed to everything that the policy
// has, in our dialogue and whatever their browser sent; of a minor with a
// guardian's verified grants for events of ClassChild. No other record allows
// more, so it tells what a decision owes to the record of a person.
func Agreed(policy *Policy, class Class) Record {
	r := Record{Place: policy.Establishment}
	child := class.Has(ClassChild)
	if child {
		r.Minority = Minority{Minor: lastDay, Ward: lastDay}
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		if p.Bit < event.MaxPurposes {
			r.Purposes[p.Bit] = Held{
				Version: p.Version, Choice: ChoiceGiven, Dialogue: true, GPC: true, DNT: true, ADPC: true, Guardian: child,
			}
		}
	}
	return r
}
