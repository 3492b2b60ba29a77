package ledger

// State is what an entry records. It is a closed set, written by name.
type State uint8

// The states. The zero value is not a state.
const (
	StateUnknown      State = iota
	StateGiven              // an explicit grant of one purpose
	StateRefused            // one purpose, refused when asked
	StateWithdrawn          // one purpose, given once and taken back
	StateObjected           // one purpose, Art. 21
	StateRequested          // one purpose, asked for by a message that is to be confirmed; grants nothing
	StateRenewed            // one purpose, given again while or after it was given
	StateExpired            // one purpose, given once, its time is over; to be asked for again
	StateProfilingOff       // the switch over all purposes of kind profiling
	StateProfilingOn        // lifts the switch; grants nothing
	StateOptedOut           // an opt-out that a browser signal stated, of all that the signal reaches
	StateOptedIn            // lifts StateOptedOut; grants nothing
	StateLinked             // Linked is a visitor of the contact Subject
	StateRestricted         // Art. 18
	StateUnrestricted       // lifts StateRestricted
	StateErased             // Art. 17; final
	StateConflict           // an identifier of the contact Subject leads to the contact Linked too
	StateLocated            // Country is where the subject lives; empty: not known any more
	StateMinor              // Until is when the subject comes of full age; none: not a minor
	StateAutomatedOff       // Art. 22: no decision about the subject is left to a machine alone
	StateAutomatedOn        // lifts StateAutomatedOff
	StateUnlinked           // Linked is not a visitor of the contact Subject any more
)

var stateNames = [...]string{
	"unknown", "given", "refused", "withdrawn", "objected", "requested", "renewed", "expired",
	"profiling_off", "profiling_on", "opted_out", "opted_in",
	"linked", "restricted", "unrestricted", "erased", "conflict", "located", "minor",
	"automated_off", "automated_on", "unlinked",
}

// String returns the state as the ledger writes it, for example "given".
func (s State) String() string { return name(stateNames[:], int(s)) }

// ParseState reads what String wrote; any other text is StateUnknown.
func ParseState(text string) State { return State(index(stateNames[:], text)) }

// OfPurpose says whether entries of this state speak of one purpose.
func (s State) OfPurpose() bool { return s >= StateGiven && s <= StateExpired }

// OfTwo says whether entries of this state tie the subject to another handle.
func (s State) OfTwo() bool { return s == StateLinked || s == StateConflict || s == StateUnlinked }

// Grants says whether entries of this state grant their purpose.
func (s State) Grants() bool { return s == StateGiven || s == StateRenewed }
