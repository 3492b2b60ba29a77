package pseudonym

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"zgoda/event"
)

// CaseOf says whom a request is about. It prints as [redacted].
type CaseOf struct {
	ID   [16]byte // of the request, random
	Site event.SiteID
	Who  Who
}

// Format writes "[redacted]" under every verb.
func (CaseOf) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (CaseOf) LogValue() slog.Value { return slog.StringValue(redacted) }

// Who names a person by one of these; the others are zero. It prints as [redacted].
type Who struct {
	Ref    Ref
	Kind   event.IdentifierKind // of Value; of a visitor too
	Value  string               // an identifier in clear
	Handle event.Handle         // any pseudonym of a contact
	Sealed []byte               // what a gateway sealed to the keyholder (package sealed)
	Idle   IdleName
}

// Format writes "[redacted]" under every verb.
func (Who) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Who) LogValue() slog.Value { return slog.StringValue(redacted) }

// IdleName names a contact that was not seen for some time, for an hour.
type IdleName [24]byte

// CaseState says what became of a case.
type CaseState uint8

// The states. The zero value is none.
const (
	CaseNone CaseState = iota
	CaseOpen
	CaseUnknown   // nobody is known by that; of Replay: the entry cannot be opened any more
	CaseElsewhere // they are being merged: try again
	CaseDestroyed
)

// String returns the state's name.
func (s CaseState) String() string {
	names := [...]string{"none", "open", "unknown", "elsewhere", "destroyed"}
	if int(s) >= len(names) {
		return names[CaseNone]
	}
	return names[s]
}

// OpenedCase is a case with all pseudonyms of whom it is about.
type OpenedCase struct {
	ID         [16]byte
	State      CaseState
	Pseudonyms []CasePseudonym // of one that is open
}

// CasePseudonym is one pseudonym of whom a case is about.
type CasePseudonym struct {
	Handle  event.Handle
	Purpose string // consent, profiling, analytics
	Period  event.Period
	Version event.KeyVersion
	Visitor uint32 // 0: the contact's own, or of the visitor that the case is about; n: of its n-th linked visitor, the consent handle first
}

// CasePiece is one person with all pseudonyms.
type CasePiece struct {
	ID         [16]byte     // that was asked for
	Handle     event.Handle // that was asked for
	Site       event.SiteID
	Pseudonyms []CasePseudonym

	// Of Replay alone.
	State   CaseState // CaseDestroyed, or CaseUnknown
	Cutoff  time.Time
	Windows []CaseWindow // of the visitors that these name, only these rows are the person's
}

// CaseWindow is a time in which what a shared visitor did is the person's.
type CaseWindow struct {
	Handle   event.Handle // the visitor's consent handle; the window is of all its pseudonyms
	From, To time.Time    // To is not included; zero: no end
}

// Destroyed says whom to destroy, and what the journal keeps of it.
type Destroyed struct {
	ID      [16]byte
	Cutoff  time.Time // what happened before it is the erased one's
	Until   time.Time // until when the journal keeps it: at most 220 days from now
	Windows []CaseWindow
	Shared  []event.Handle // consent handles of linked visitors who are others too; of their rows those in Windows alone go
}

// SealedErasure is an entry of the journal of erasures, which the keyholder alone
// can open. Its content prints as [redacted].
type SealedErasure struct {
	ID        [16]byte
	Entry     []byte
	At, Until time.Time // when it was destroyed; until when the journal keeps it
	KeysGone  time.Time // when the key is gone that copies of the medium are sealed under
}

// Format writes "[redacted]" under every verb.
func (SealedErasure) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (SealedErasure) LogValue() slog.Value { return slog.StringValue(redacted) }

// ListedCase is a case with its age.
type ListedCase struct {
	ID     [16]byte
	Opened time.Time
}
