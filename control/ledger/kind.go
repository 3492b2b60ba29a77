package ledger

// EventType says how plainly the person spoke.
type EventType uint8

// The event types. The zero value is not one.
const (
	EventUnknown   EventType = iota
	EventImplied             // concluded from a signal or from behaviour
	EventExpressed           // said, without being asked for this purpose
	EventExplicit            // a clear affirmative act about this purpose
)

var eventNames = [...]string{"unknown", "implied", "expressed", "explicit"}

// String returns the event type as the ledger writes it.
func (t EventType) String() string { return name(eventNames[:], int(t)) }

// ParseEventType reads what String wrote; any other text is EventUnknown.
func ParseEventType(text string) EventType { return EventType(index(eventNames[:], text)) }

// Proof says by what the writer knew that it was this person who spoke. It is a
// closed set, written by name.
type Proof uint8

// The proofs. The zero value says that there is none but the writer's word.
const (
	ProofNone     Proof = iota
	ProofCookie         // the signed cookie of the visitor
	ProofIdentity       // an HMAC over the userId, or a session that rests on one
	ProofKey            // a secret key or a token: its holder states it
	ProofLink           // a signed single-use link, confirmed
	ProofDocument       // a document that lies elsewhere: ProofRef says where
	ProofSignal         // a signal of the browser: RawSignal has it
)

var proofNames = [...]string{"none", "cookie", "identity", "key", "link", "document", "signal"}

// String returns the proof as the ledger writes it.
func (p Proof) String() string { return name(proofNames[:], int(p)) }

// ParseProof reads what String wrote; ok is false for any other text.
func ParseProof(text string) (p Proof, ok bool) {
	p = Proof(index(proofNames[:], text))
	return p, p != ProofNone || text == proofNames[ProofNone]
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return names[0]
}

// index returns the place of text in names, at most 255, or 0.
func index(names []string, text string) uint8 {
	var i uint8
	for _, n := range names {
		if n == text {
			return i
		}
		i++
	}
	return 0
}
