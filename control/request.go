package control

import (
	"encoding/base32"
	"errors"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// RequestID names a request of a data subject. It is random, and the keyholder's
// case of whom the request is about has the same.
type RequestID [16]byte

var requestText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrRequestID is returned for a text that is no request's id.
var ErrRequestID = errors.New("not the id of a request: r_ and 26 letters")

// String returns "r_" and 26 letters.
func (id RequestID) String() string { return "r_" + requestText.EncodeToString(id[:]) }

// ParseRequestID reads what String wrote.
func ParseRequestID(text string) (id RequestID, err error) {
	if len(text) != 28 || text[:2] != "r_" {
		return id, ErrRequestID
	}
	b, err := requestText.DecodeString(text[2:])
	if err != nil || len(b) != len(id) {
		return id, ErrRequestID
	}
	copy(id[:], b)
	if id.String() != text {
		return RequestID{}, ErrRequestID
	}
	return id, nil
}

// Right is what a request asks for. It is a closed set, written by name.
type Right string

// The rights.
const (
	RightAccess        Right = "access"        // Art. 15
	RightRectification Right = "rectification" // Art. 16
	RightErasure       Right = "erasure"       // Art. 17
	RightRestriction   Right = "restriction"   // Art. 18
	RightPortability   Right = "portability"   // Art. 20
	RightObjection     Right = "objection"     // Art. 21
	RightAutomated     Right = "automated"     // Art. 22
	RightWithdrawal    Right = "withdrawal"    // Art. 7(3)
)

// RequestState is how far a request is.
type RequestState string

// The states. Those behind StateFailed are ends.
const (
	RequestUnverified RequestState = "identity_unverified"
	RequestInput      RequestState = "requires_input"
	RequestPending    RequestState = "pending"
	RequestApproved   RequestState = "approved"
	RequestRunning    RequestState = "in_progress"
	RequestPaused     RequestState = "paused"
	RequestFailed     RequestState = "failed"
	RequestDenied     RequestState = "denied"
	RequestComplete   RequestState = "complete"
	RequestCancelled  RequestState = "cancelled"
	RequestDuplicate  RequestState = "duplicate"
)

// EraseMode is what becomes of rows.
type EraseMode string

// The modes of an erasure.
const (
	EraseAll       EraseMode = "erase"
	EraseAnonymise EraseMode = "anonymise"
)

// EraseStep is the last step of an erasure that is done for good.
type EraseStep string

// The steps, in order.
const (
	StepAccepted  EraseStep = "accepted"
	StepFenced    EraseStep = "fenced"
	StepDrained   EraseStep = "drained"
	StepDeleted   EraseStep = "deleted"
	StepSettled   EraseStep = "settled"
	StepProven    EraseStep = "proven"
	StepTold      EraseStep = "told"
	StepDestroyed EraseStep = "destroyed"
	StepCertified EraseStep = "certified"
)

// Request is one request of a data subject. Reasons and notes hold nothing personal.
type Request struct {
	ID            RequestID
	Site          event.SiteID // empty: of a contact of whom no site is known
	Right         Right
	Mode          EraseMode // of an erasure
	Scope         []event.PurposeID
	Origin        string // operator form mail phone letter opendsr retention import self
	State         RequestState
	Handle        event.Handle // the consent pseudonym; zero: nobody was found, or it is destroyed
	Visitor       bool
	Received      time.Time // microsecond, UTC, as all times here
	Deadline      time.Time
	Extended      time.Time // zero: it was not
	Extension     string
	Told          time.Time // when the person was told of extension or refusal
	Paused        time.Time // since when the clock stands
	PausedDays    int
	Proof         string // none cookie link key operator
	ProofBy       string
	Proven        time.Time
	Actor, Reason string
	Ground        string // of a refusal
	DuplicateOf   RequestID
	Undo          time.Time // until when it may be taken back
	Cutoff        time.Time
	Fence         event.Sequence
	Step          EraseStep
	Batch         [16]byte
	Attempts      int
	Next          time.Time
	Error         string // a class, never content
	Horizon       time.Time
	Done          time.Time
	Imported      bool
	Revision      int64 // 0: new
}

// Task is one part of a request's work: in a store of ours, at a recipient, or by hand.
type Task struct {
	Request       RequestID
	Name          string // events links spool hidden keyholder control recipient:NAME manual:NAME
	State         string // waiting done failed signed_off
	Before, After int64  // rows; -1: not counted
	Attempts      int
	Verified      time.Time
	Actor, Note   string
}

// RequestHistory is one act about a request.
type RequestHistory struct {
	Request    RequestID
	At         time.Time
	Actor, Act string
	From, To   RequestState
	Note       string
}

// RequestQuery selects requests, in the order of their deadlines.
type RequestQuery struct {
	Site          event.SiteID // empty: all
	Handle        event.Handle // zero: all
	IDs           []RequestID  // none: all
	Rights        []Right
	States        []RequestState
	AfterDeadline time.Time
	AfterID       RequestID
	Limit         int
}

// RequestCount is how many requests of a right are in a state.
type RequestCount struct {
	Right   Right
	State   RequestState
	Open    bool
	Count   int64
	Ages    [4]int64  // of open ones, received within a week, a fortnight, a month, earlier
	Nearest time.Time // deadline of those that are open
	Overdue int64
}

// EraseBatch are erasures whose rows go together.
type EraseBatch struct {
	ID       [16]byte
	Node     ledger.Writer
	Step     EraseStep
	Made     time.Time
	Moved    time.Time // when Step was reached
	Requests int
	Tables   []ErasedTable
	Attempts int
	Next     time.Time
	Error    string

	// Of are those of its erasures that are worked on; nil: all that are under way. It
	// is not kept.
	Of []RequestID
}

// ErasedTable is what a batch did to one table.
type ErasedTable struct {
	Name      string   `json:"name"`
	Before    int64    `json:"before"`
	After     int64    `json:"after"`
	Kept      int64    `json:"kept"` // anonymised
	Copy      string   `json:"copy,omitempty"`
	Mutations []string `json:"mutations"`
	// Copies are what was counted on each server, where several hold a copy.
	Copies []ErasedCopy `json:"copies,omitempty"`
}

// ErasedCopy is what was counted on one server once a table's rows were gone.
type ErasedCopy struct {
	Server string    `json:"server"` // host:port
	After  int64     `json:"after"`
	At     time.Time `json:"at"`
}

// Node is a gateway of this store.
type Node struct {
	Name    ledger.Writer
	Seen    time.Time
	Through event.Sequence // every change up to it is enforced there
	Gone    bool
}

// Ack says that nothing of a batch waits on a node any more.
type Ack struct {
	Node ledger.Writer
	Rows int64
	At   time.Time
}

// Forgotten is what ForgetSubjects destroys of one request.
type Forgotten struct {
	Request RequestID
	Until   time.Time // of the bare standings that stay
	Journal []byte    // the keyholder's sealed entry
	Keep    time.Time // of the journal
}

// Window is from when to when a visitor was one contact's alone. Zero To: to the end.
type Window struct {
	Visitor   event.Handle // consent pseudonym
	From, To  time.Time
	Exclusive bool // no other contact is linked to it
}

// Errors of requests.
var (
	ErrRevision  = errors.New("the request has changed meanwhile")
	ErrOpen      = errors.New("a request of this right is open about the same person")
	ErrNotLeader = errors.New("another node leads")
)
