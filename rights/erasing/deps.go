package erasing

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity/erase"
	"zgoda/certificate"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// store keeps how far erasures are; control.Store is one.
type store interface {
	Erasures(ctx context.Context, step control.EraseStep, batched bool, limit int) ([]control.Request, error)
	ErasuresOf(ctx context.Context, batch [16]byte) ([]control.Request, error)
	AddHandles(ctx context.Context, list []control.Taken) error
	HandlesOf(ctx context.Context, batch [16]byte) (map[control.RequestID][]event.Handle, error)
	HandlesOfRequest(ctx context.Context, id control.RequestID) ([]event.Handle, error)
	StepRequests(ctx context.Context, ids []control.RequestID, from, to control.EraseStep, cutoff time.Time, fence event.Sequence) error
	Windows(ctx context.Context, site event.SiteID, contact []event.Handle) ([]control.Window, error)
	SharedVisitors(ctx context.Context, site event.SiteID, contact, visitors []event.Handle) ([]event.Handle, error)
	History(ctx context.Context, site event.SiteID, subject event.Handle, limit int) ([]ledger.Entry, error)

	Lease(ctx context.Context, name string, until, now time.Time) (bool, error)
	Nodes(ctx context.Context) ([]control.Node, error)
	MakeBatch(ctx context.Context, b control.EraseBatch, of []control.RequestID) error
	MoveBatch(ctx context.Context, b control.EraseBatch, now time.Time) error
	DropBatch(ctx context.Context, id [16]byte) error
	FreeErasures(ctx context.Context) error
	Batches(ctx context.Context) ([]control.EraseBatch, error)
	Batch(ctx context.Context, id [16]byte) (control.EraseBatch, bool, error)
	LastBatch(ctx context.Context) (time.Time, error)
	Acks(ctx context.Context, batch [16]byte) ([]control.Ack, error)

	Tasks(ctx context.Context, id control.RequestID) ([]control.Task, error)
	PutTasks(ctx context.Context, tasks []control.Task) error
	BeginTasks(ctx context.Context, tasks []control.Task) error
	RequestHistory(ctx context.Context, id control.RequestID) ([]control.RequestHistory, error)
	ForgetSubjects(ctx context.Context, list []control.Forgotten) error
	CompleteMany(ctx context.Context, list []control.Completion, now time.Time) ([]error, error)
	// Overwrite ends what files of the store still hold of rows as they were.
	Overwrite(ctx context.Context) error
	SweepErased(ctx context.Context, now time.Time) error
}

// subjects enforce what is on record about people; subjects.Set does.
type subjects interface {
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
}

// keys know whom requests are about; pseudonym.Rights is one.
type keys interface {
	CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	Destroy(ctx context.Context, list []pseudonym.Destroyed) ([]pseudonym.SealedErasure, error)
	CloseCases(ctx context.Context, ids [][16]byte) error
}

// hider hides people from every view of the rows at once; activity.Store does.
type hider interface {
	Hide(ctx context.Context, subjects []event.Handle, what erase.What) error
	Show(ctx context.Context, subjects []event.Handle) error
}

// Rows takes the rows of one batch away; activity.Erasing does. After any error it is
// ended and another one begun.
type Rows interface {
	Add(ctx context.Context, people []erase.Person) error
	Count(ctx context.Context) ([]erase.Counts, error)
	Copy(ctx context.Context) (name string, rows uint64, err error)
	Delete(ctx context.Context, issued func(table, mutation string) error) error
	Settle(ctx context.Context) error
	Prove(ctx context.Context) (left map[string]uint64, err error)
	// Proof is what Prove has counted on each server that holds a copy.
	Proof() []erase.Proof
	End(ctx context.Context) error
}

// table is where rows are.
type table interface {
	Begin(ctx context.Context) (Rows, error)
	MoveIn(ctx context.Context, copy string) (uint64, error)
	DropKept(ctx context.Context, but ...string) error
	// CallOff takes away what a batch has left whose leader is gone.
	CallOff(ctx context.Context) error
	MarkErased(ctx context.Context, ids [][16]byte, until time.Time) error
}

// journal keeps erasures on this machine's disk, beside backups.
type journal interface {
	Append(entries []pseudonym.SealedErasure) error
}

// notes keep on this machine's disk, beside backups, what was accepted until its journal
// is written.
type notes interface {
	Note(list []control.Request) error
	Drop(ids []control.RequestID) error
}

// notices tell whoever was given the data.
type notices interface {
	Tell(ctx context.Context, list []control.Request) error
	// Told returns a task for each recipient of a request that has any.
	Told(ctx context.Context, ids []control.RequestID) (map[control.RequestID][]control.Task, error)
}

// signer signs certificates.
type signer interface {
	Sign(b certificate.Body) ([]byte, error)
}

// horizons say when the last copy is gone of what is erased at a time, and until when
// the journal keeps that it was: for longer than backups are kept.
type horizons interface {
	Of(at time.Time) certificate.Horizon
	Journal(at time.Time) time.Time
}

// More are rows that are to go beside those of erasures: what rests on a purpose that
// was withdrawn.
type More interface {
	Waiting(ctx context.Context) (bool, error)
	// Take returns whose rows go with a batch, the same ones each time.
	Take(ctx context.Context, batch [16]byte, limit int) ([]erase.Person, error)
	// Back takes from a batch what it took: nothing is done for the batch now.
	Back(ctx context.Context, batch [16]byte) error
	// Gone says that the batch is proven.
	Gone(ctx context.Context, batch [16]byte) error
}

// Deps are the parts that erasures are carried out with. All are required, but Accepted,
// More, Now, Logger and Registerer.
type Deps struct {
	Node     ledger.Writer
	Alone    bool // no other node shares the store
	Store    store
	Subjects subjects
	Keys     keys
	Hider    hider
	Table    table
	Journal  journal
	Accepted notes
	Notices  notices
	Signer   signer
	Horizons horizons
	// Fail notes that an erasure failed for good, until somebody has it tried again.
	Fail func(ctx context.Context, id control.RequestID, class string, passes bool) error
	// Waits notes why an erasure waits, and until when it is not tried: no try is counted.
	Waits func(ctx context.Context, id control.RequestID, class string, until time.Time) error
	// Sites are those in the settings: of a contact of whom no site is known, all are
	// fenced.
	Sites func() []event.SiteID
	// Rests are the purposes that rows of each scope of a site rest on.
	Rests func(site event.SiteID) [event.ScopePerson + 1]event.PurposeSet
	More  More

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}
