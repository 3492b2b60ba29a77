package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zgoda/event"
)

// State is what an entry records. It is a closed set, written by name.
type State uint8

// The states. The zero value is not a state.
const (
	StateUnknown      State = iota
	StateGiven              // an explicit grant of one purpose
	StateRefused            // one purpose, refused when asked
	StateWithdrawn          // one purpose, given once and taken back
	StateObjected           // one purpose, Art. 21
	StateProfilingOff       // the switch over all purposes of kind profiling
	StateProfilingOn        // lifts the switch; grants nothing
	StateLinked             // Linked is a visitor of the contact Subject
	StateRestricted         // Art. 18
	StateUnrestricted       // lifts StateRestricted
	StateErased             // Art. 17; final
	StateConflict           // an identifier of the contact Subject leads to the contact Linked too
)

var stateNames = [...]string{
	"unknown", "given", "refused", "withdrawn", "objected", "profiling_off", "profiling_on",
	"linked", "restricted", "unrestricted", "erased", "conflict",
}

// String returns the state as the ledger writes it, for example "given".
func (s State) String() string { return name(stateNames[:], int(s)) }

// ParseState reads what String wrote; any other text is StateUnknown.
func ParseState(text string) State { return State(index(stateNames[:], text)) }

// OfPurpose says whether entries of this state speak of one purpose.
func (s State) OfPurpose() bool { return s >= StateGiven && s <= StateObjected }

// OfTwo says whether entries of this state tie the subject to another handle.
func (s State) OfTwo() bool { return s == StateLinked || s == StateConflict }

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

// The channels that the project itself writes. Others are allowed: a channel is
// 1 to 32 of a-z, 0-9, _ and -.
const (
	ChannelDialogue = "dialogue" // the consent dialogue or the preference page
	ChannelAPI      = "api"      // a secret key or a token
	ChannelOperator = "operator" // an operator on the person's behalf
	ChannelEvent    = "event"    // a proven identify or alias
)

// MaxText is the longest actor, reason or raw signal, in bytes.
const MaxText = 4096

// Entry is one entry. The store sets Sequence, Previous and Hash.
type Entry struct {
	Sequence       event.Sequence
	Site           event.SiteID
	Subject        event.Handle // the person's consent handle; zero once erased
	Linked         event.Handle // StateLinked: the visitor's consent handle; StateConflict: the other contact's
	Purpose        event.PurposeID
	PurposeVersion uint32
	TextHash       [32]byte // SHA-256 of the text that was shown
	State          State
	Type           EventType
	Channel        string
	Surface        string // 0 to 64 of A-Z a-z 0-9 _ - . :
	Locale         string // a language tag, same alphabet
	GPC, DNT       bool   // browser signals present while the person spoke
	RawSignal      string
	Actor          string // who wrote it, for example the name of a token
	Reason         string
	At             time.Time // UTC, microsecond
	// Key makes writing idempotent: an entry whose key is already in the ledger
	// of the site is not written again. Empty: written always. Only its hash is
	// kept.
	Key string

	Previous, Hash [32]byte
}

// ErrEntry is wrapped by every error of Validate.
var ErrEntry = errors.New("ledger entry")

// Validate says what is wrong with an entry that is about to be written. It
// names the field and never repeats its content.
func (e *Entry) Validate() error {
	var errs []error
	bad := func(field, why string) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", ErrEntry, field, why))
	}
	if e.Site == "" {
		bad("site", "is empty")
	}
	if e.Subject.IsZero() {
		bad("subject", "is empty")
	}
	if e.State == StateUnknown || int(e.State) >= len(stateNames) {
		bad("state", "is not a state")
	}
	if e.Type == EventUnknown || int(e.Type) >= len(eventNames) {
		bad("event type", "is not an event type")
	}
	if (e.Purpose != "") != e.State.OfPurpose() {
		bad("purpose", "is for given, refused, withdrawn and objected, and needed there")
	}
	if e.Linked.IsZero() == e.State.OfTwo() {
		bad("linked", "is for linked and conflict, and needed there")
	}
	if e.State.OfTwo() && e.Linked == e.Subject {
		bad("linked", "is the subject itself")
	}
	if !token(e.Channel, 1, 32) {
		bad("channel", "must be 1 to 32 of a-z, 0-9, _ and -")
	}
	if !token(e.Surface, 0, 64) {
		bad("surface", "must be at most 64 letters, digits, _ - . :")
	}
	if !token(e.Locale, 0, 35) {
		bad("locale", "must be a language tag")
	}
	for _, f := range [...]struct{ name, text string }{
		{"raw signal", e.RawSignal}, {"actor", e.Actor}, {"reason", e.Reason}, {"key", e.Key},
	} {
		if len(f.text) > MaxText {
			bad(f.name, "is too long")
		}
	}
	if e.At.IsZero() || e.At.Year() < 2000 || e.At.Year() > 9999 {
		bad("time", "is not set")
	}
	return errors.Join(errs...)
}

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

// redacted is what an entry prints as: its free texts may hold personal data.
const redacted = "[redacted]"

// String returns "[redacted]".
func (Entry) String() string { return redacted }

// GoString returns "[redacted]".
func (Entry) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Entry) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Entry) LogValue() slog.Value { return slog.StringValue(redacted) }
