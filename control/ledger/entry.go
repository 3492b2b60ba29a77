package ledger

import (
	"fmt"
	"log/slog"
	"time"

	"zgoda/event"
)

// The channels that the project itself writes. Others are allowed: a channel is
// 1 to 32 of a-z, 0-9, _ and -.
const (
	ChannelDialogue = "dialogue" // the consent dialogue or the preference page
	ChannelAPI      = "api"      // a secret key or a token
	ChannelOperator = "operator" // an operator on the person's behalf
	ChannelEvent    = "event"    // a proven identify or alias
	ChannelConfirm  = "confirm"  // the page behind a link that was sent to the person
	ChannelImport   = "import"   // a file of consents that were collected elsewhere
	ChannelSignal   = "signal"   // a signal of the browser
	ChannelClock    = "clock"    // nobody spoke: a time that was set before has come
)

// MaxText is the longest free text of an entry, in bytes.
const MaxText = 4096

// Writer names a chain of the ledger: the node that writes it. 1 to 32 of a-z,
// 0-9 and -.
type Writer string

// Valid says whether the name can be a writer's.
func (w Writer) Valid() bool {
	for i := range len(w) {
		if c := w[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(w) >= 1 && len(w) <= 32
}

// Number is the place of an entry in the chain of its writer, from 1 on and
// without gaps.
type Number uint64

// Entry is one entry. The store sets Writer, Number, Sequence, Previous and Hash.
type Entry struct {
	Writer         Writer
	Number         Number
	Sequence       event.Sequence // the place among the entries of all writers, from 1 on and without gaps
	Site           event.SiteID
	Subject        event.Handle // the person's consent handle; zero once erased
	Linked         event.Handle // StateLinked, StateUnlinked: the visitor's consent handle; StateConflict: the other contact's
	Purpose        event.PurposeID
	PurposeVersion uint32
	TextHash       [32]byte // SHA-256 of the text that was shown
	State          State
	Type           EventType
	Channel        string
	Surface        string // 0 to 64 of A-Z a-z 0-9 _ - . :
	Locale         string // a language tag, same alphabet
	GPC, DNT       bool   // browser signals present while the person spoke
	ADPC           bool   // ADPC withdrew or objected to the purpose while the person spoke
	Guardian       bool   // a guardian spoke for the person; GuardianRef says how that was verified
	Proof          Proof
	RawSignal      string
	Actor          string // who wrote it, for example the name of a token
	Reason         string
	ProofRef       string    // where the proof is, for example the key of the request that a link confirmed
	GuardianRef    string    // how the guardian was verified
	Country        string    // StateLocated: ISO 3166-1 alpha-2, or 3166-2 such as "US-CA"
	At             time.Time // UTC, microsecond
	Until          time.Time // a grant's end, UTC, microsecond; zero: it has none
	// Ends is for StateExpired: the sequence of the grant whose time is over. The
	// entry is written only while that very grant is in force. Zero: whichever is in
	// force, if its own end has come. It is not kept.
	Ends event.Sequence
	// Key makes writing idempotent: an entry whose key is already in the ledger
	// of the site is not written again. Empty: written always. Only its hash is
	// kept.
	Key string

	// Previous is the hash of the entry before in the writer's chain; Hash is
	// this entry's.
	Previous, Hash [32]byte
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
