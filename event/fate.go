package event

// Reason says why an event met its fate. It is a closed set: it appears as a
// metric label and in answers, and never carries content.
type Reason uint8

// The reasons. Which apply to a drop, a later drop and a refusal is said beside each.
const (
	ReasonNone          Reason = iota
	ReasonConsent              // dropped: no purpose allowed it
	ReasonRestricted           // dropped, dropped later: Art. 18
	ReasonErased               // dropped, dropped later: Art. 17
	ReasonWithdrawn            // dropped later: withdrawn or switched off after it was accepted
	ReasonMalformed            // refused: cannot be read, or a field is wrong
	ReasonTooLarge             // refused: over a limit
	ReasonNoIdentity           // refused: neither anonymousId nor userId
	ReasonSpoolFull            // refused: the spool cannot take it
	ReasonSpoolFailed          // refused: the disk failed before the promise
	ReasonKeyholderAway        // refused: an unknown identifier and no keyholder
	ReasonControlAway          // refused: the control store cannot be read
	ReasonDraining             // refused: shutting down
	ReasonInternal             // refused: a fault of ours
	ReasonCriminal             // dropped: data relating to criminal convictions (Art. 10)
	ReasonSealedFull           // refused: an unknown identifier, no keyholder, and no room to wait for it
	reasonCount
)

// ReasonCount is the number of reasons, for tables indexed by Reason.
const ReasonCount = int(reasonCount)

var reasonNames = [...]string{
	"none", "consent", "restricted", "erased", "withdrawn", "malformed", "too_large",
	"no_identity", "spool_full", "spool_failed", "keyholder_away", "control_away",
	"draining", "internal", "criminal", "sealed_full",
}

// String returns the reason as metrics and answers write it.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return reasonNames[ReasonInternal]
}
