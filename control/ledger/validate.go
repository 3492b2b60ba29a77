package ledger

import (
	"errors"
	"fmt"
)

// ErrEntry is wrapped by every error of Validate.
var ErrEntry = errors.New("ledger entry")

// faults gathers what is wrong with an entry.
type faults []error

func (f *faults) add(field, why string) {
	*f = append(*f, fmt.Errorf("%w: %s: %s", ErrEntry, field, why))
}

// Validate says what is wrong with an entry that is about to be written. It
// names the field and never repeats its content.
func (e *Entry) Validate() error {
	var f faults
	e.validateNames(&f)
	e.validateTies(&f)
	e.validateGrant(&f)
	e.validateTexts(&f)
	return errors.Join(f...)
}

func (e *Entry) validateNames(f *faults) {
	if e.Site == "" {
		f.add("site", "is empty")
	}
	if e.Subject.IsZero() {
		f.add("subject", "is empty")
	}
	if e.State == StateUnknown || int(e.State) >= len(stateNames) {
		f.add("state", "is not a state")
	}
	if e.Type == EventUnknown || int(e.Type) >= len(eventNames) {
		f.add("event type", "is not an event type")
	}
	if int(e.Proof) >= len(proofNames) {
		f.add("proof", "is not a proof")
	}
	if (e.Purpose != "") != e.State.OfPurpose() {
		f.add("purpose", "is for states of one purpose, and needed there")
	}
	if e.At.IsZero() || !writable(e.At.Year()) {
		f.add("time", "is not set")
	}
}

func (e *Entry) validateTies(f *faults) {
	if e.Linked.IsZero() == e.State.OfTwo() {
		f.add("linked", "is for linked, unlinked and conflict, and needed there")
	}
	if e.State.OfTwo() && e.Linked == e.Subject {
		f.add("linked", "is the subject itself")
	}
	if e.Country != "" && (e.State != StateLocated || !country(e.Country)) {
		f.add("country", "is for located, as an ISO 3166 code")
	}
}

func (e *Entry) validateGrant(f *faults) {
	ends := e.State.Grants() || e.State == StateMinor || e.State == StateRequested
	if !e.Until.IsZero() && (!ends || !e.Until.After(e.At) || !writable(e.Until.Year())) {
		f.add("until", "is for grants, requests and minors, and after their time")
	}
	if e.Ends != 0 && e.State != StateExpired {
		f.add("ends", "is for expired")
	}
	if e.Guardian && !e.State.Grants() && e.State != StateRequested {
		f.add("guardian", "is for grants and requests")
	}
	if e.Guardian != (e.GuardianRef != "") {
		f.add("guardian", "comes with how the guardian was verified, and only so")
	}
	if e.ProofRef != "" && e.Proof == ProofNone || e.ProofRef == "" && e.Proof == ProofDocument {
		f.add("proof", "a document says where it is; without a proof there is nothing to say")
	}
}

func (e *Entry) validateTexts(f *faults) {
	if !token(e.Channel, 1, 32) {
		f.add("channel", "must be 1 to 32 of a-z, 0-9, _ and -")
	}
	if !token(e.Surface, 0, 64) {
		f.add("surface", "must be at most 64 letters, digits, _ - . :")
	}
	if !token(e.Locale, 0, 35) {
		f.add("locale", "must be a language tag")
	}
	for _, t := range [...]struct{ name, text string }{
		{"raw signal", e.RawSignal},
		{"actor", e.Actor},
		{"reason", e.Reason},
		{"key", e.Key},
		{"proof reference", e.ProofRef},
		{"guardian reference", e.GuardianRef},
	} {
		if len(t.text) > MaxText {
			f.add(t.name, "is too long")
		}
	}
}

// writable says whether a time of this year can be written.
func writable(year int) bool { return year >= 2000 && year <= 9999 }

// country says whether the text has the shape of a country's code, "SK", or of
// a part's, "US-CA".
func country(text string) bool {
	land, part := text, ""
	if len(text) > 2 {
		land, part = text[:2], text[3:]
		if text[2] != '-' || len(part) < 1 || len(part) > 3 {
			return false
		}
	}
	return len(land) == 2 && upper(land, false) && upper(part, true)
}

func upper(text string, digits bool) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && (!digits || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// token says whether the text is of the letters that need no escape anywhere.
func token(text string, shortest, longest int) bool {
	if len(text) < shortest || len(text) > longest {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '_', c == '-', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
