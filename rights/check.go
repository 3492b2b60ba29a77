package rights

import (
	"slices"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/pseudonym/access"
)

// ProofNone is the proof of a request of which it is not known yet who asks.
const ProofNone = "none"

// ProofMail is the proof by a link that was mailed to a known address and followed. A
// request is never opened with it, and nobody says so by themselves.
const ProofMail = "mail"

// The closed lists of what requests say.
var (
	Rights = []control.Right{
		control.RightAccess, control.RightRectification, control.RightErasure, control.RightRestriction,
		control.RightPortability, control.RightObjection, control.RightAutomated, control.RightWithdrawal,
	}
	Origins = []string{"operator", "form", "mail", "phone", "letter", "opendsr", "retention", "import", "self", "restore"}
	Proofs  = []string{"cookie", ProofMail, "link", "key", "operator"}
	// Grounds are those on which a request may be refused.
	Grounds = []string{
		"manifestly_unfounded", "excessive", "legal_obligation", "legal_claims", "public_interest", groundIdentity, "not_the_controller",
	}
)

const groundIdentity = "identity" // Art. 12(6)

var openStates = []control.RequestState{
	control.RequestUnverified, control.RequestInput, control.RequestPending, control.RequestApproved,
	control.RequestRunning, control.RequestPaused, control.RequestFailed,
}

// OpenStates are the states of requests about which something is still to be done.
func OpenStates() []control.RequestState { return slices.Clone(openStates) }

// scoped are the rights that can be about some purposes alone.
var scoped = []control.Right{control.RightObjection, control.RightWithdrawal}

// Scoped says whether a right can be about some purposes alone. Every other is about
// all that is held: a scope that was kept and not heeded would be a promise.
func Scoped(right control.Right) bool { return slices.Contains(scoped, right) }

// errScope refuses a scope of a right that has none.
var errScope = field("scope", "only an objection and a withdrawal are about some purposes; every other right is about everything")

const maxText = 200

// check checks an opening as far as its words alone say.
func (o *Opening) check(now time.Time) error {
	switch {
	case !slices.Contains(Rights, o.Right):
		return field("right", "must be a right that there is")
	case o.Mode != "" && (o.Right != control.RightErasure || o.Mode != control.EraseAll && o.Mode != control.EraseAnonymise):
		return field("mode", "must be erase or anonymise, and of an erasure")
	case len(o.Scope) > 0 && !Scoped(o.Right):
		return errScope
	case !slices.Contains(Origins, o.Origin):
		return field("origin", "must be one of "+strings.Join(Origins, ", "))
	case o.Proof != "" && o.Proof != ProofNone && !slices.Contains(Proofs, o.Proof):
		return field("proof", "must be none or one of "+strings.Join(Proofs, ", "))
	case o.Proof == ProofMail:
		return field("proof", "mail is a proof once the link was followed")
	case o.Actor == "":
		return field("actor", "must say who acts")
	case o.Received.After(now.Add(time.Minute)):
		return field("received", "must not be in the future")
	case !o.Received.IsZero() && o.Received.Before(now.AddDate(-20, 0, 0)):
		return field("received", "must not be more than twenty years ago")
	}
	return checkText("reason", o.Reason, true)
}

// checkText refuses what must not stand in a record that outlives the person's data.
func checkText(name, text string, must bool) error {
	switch {
	case must && strings.TrimSpace(text) == "":
		return field(name, "must say why")
	case len(text) > maxText:
		return field(name, "must be at most 200 bytes")
	case access.Personal(text):
		return field(name, "must hold no mail address and no long number")
	}
	return nil
}
