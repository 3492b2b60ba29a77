package gather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity"
	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/export"
	"zgoda/pseudonym"
)

// store is what is on record; control.Store is one.
type store interface {
	Request(ctx context.Context, id control.RequestID) (control.Request, bool, error)
	Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
	NoticesOf(ctx context.Context, ids ...control.RequestID) ([]control.Notice, error)
	History(ctx context.Context, site event.SiteID, subject event.Handle, limit int) ([]ledger.Entry, error)
	Texts(ctx context.Context, site event.SiteID) ([]control.Text, error)
	Windows(ctx context.Context, site event.SiteID, contact []event.Handle) ([]control.Window, error)
	FirstLink(ctx context.Context, site event.SiteID, visitor event.Handle) (time.Time, error)
	Agreements(ctx context.Context, q control.AgreementQuery) ([]control.Agreement, error)
	PutExported(ctx context.Context, e control.Exported) error
	ExportedOf(ctx context.Context, ids []control.RequestID) ([]control.Exported, error)
}

// people is what the keyholder keeps; pseudonym.Rights is one.
type people interface {
	CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	List(ctx context.Context, handles []event.Handle) ([]pseudonym.Listed, error)
	Reveal(ctx context.Context, ref pseudonym.Ref, approval []byte) (pseudonym.Revealed, error)
	Attachment(ctx context.Context, ref pseudonym.Ref, id [16]byte, approval []byte, to io.Writer) (pseudonym.Attached, error)
}

// rows are the stored events; activity.Store has them.
type rows interface {
	Rows(ctx context.Context, p erase.Person, yield func(activity.Row) bool) (uint64, error)
	LinkTimes(ctx context.Context, p erase.Person, yield func(seen time.Time) bool) error
}

// records tell what is on record now; subjects.Set does.
type records interface {
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
}

// finisher completes requests; rights.Service does.
type finisher interface {
	Finish(ctx context.Context, id control.RequestID, tasks []control.Task) error
}

// Signer signs what is sent to another controller.
type Signer interface {
	Name() string // of the key; without commas
	Sign(message []byte) ([]byte, error)
}

// Deps are the parts. Client and Signer may be nil: then nothing is sent.
type Deps struct {
	Store    store
	People   people
	Rows     rows
	Records  records
	Requests finisher
	Site     func(event.SiteID) (*Site, bool)
	Client   *http.Client // calls nothing that the configuration does not name
	// Callable says before anything is gathered that a URL may be called.
	Callable func(url string) error
	// Class names what went wrong with a call, without a word of others.
	Class      func(error) string
	Signer     Signer
	Logger     *slog.Logger
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Desk hands out exports. It is safe for concurrent use.
type Desk struct {
	Deps

	exports *prometheus.CounterVec
}

// New makes a desk.
func New(d Deps) (*Desk, error) {
	if d.Store == nil || d.People == nil || d.Rows == nil || d.Records == nil || d.Requests == nil || d.Site == nil {
		return nil, errors.New("gather: a part is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	desk := &Desk{Deps: d, exports: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_exports_total", Help: "Exports of what is held of a person that were handed out whole, by form.",
	}, []string{"format"})}
	for _, f := range []export.Format{export.JSON, export.CSV, export.XLSX} {
		desk.exports.WithLabelValues(string(f))
	}
	if d.Registerer != nil {
		if err := d.Registerer.Register(desk.exports); err != nil {
			return nil, fmt.Errorf("gather: %w", err)
		}
	}
	return desk, nil
}

// openErasures are the states of an erasure that was agreed to and is not done.
var openErasures = []control.RequestState{control.RequestApproved, control.RequestRunning, control.RequestPaused, control.RequestFailed}

// Prepare finds whom a request is about and reveals what the keyholder keeps of them.
// Above the limit of reveals it returns a *pseudonym.ApprovalNeeded; it is called again
// with the approval then.
func (d *Desk) Prepare(ctx context.Context, r control.Request, approval []byte) (export.Prepared, error) {
	if r.State != control.RequestRunning || r.Right != control.RightAccess && r.Right != control.RightPortability || r.Handle.IsZero() {
		return export.Prepared{}, export.ErrNotReady
	}
	site, ok := d.Site(r.Site)
	if !ok {
		return export.Prepared{}, fmt.Errorf("%w: the site is not there", export.ErrNotReady)
	}
	p := &person{desk: d, request: r, site: site}
	if err := p.find(ctx); err != nil {
		return export.Prepared{}, err
	}
	erasures, err := d.Store.Requests(ctx, control.RequestQuery{
		Handle: r.Handle, Rights: []control.Right{control.RightErasure}, States: openErasures, Limit: 1,
	})
	switch {
	case err != nil:
		return export.Prepared{}, err
	case len(erasures) > 0:
		return export.Prepared{}, export.ErrErasing
	}
	if err := p.reveal(ctx, approval); err != nil {
		return export.Prepared{}, err
	}
	kind := event.KindUserID
	if r.Visitor {
		kind = event.KindVisitor
	}
	return export.Prepared{Source: p, Head: export.Head{
		Site: string(r.Site), Request: r.ID.String(), Made: d.now(),
		Subject: export.Subject{Contact: r.Handle.Text(kind), Visitors: len(p.visitors)},
	}}, nil
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Hand writes what was prepared to whoever asked for it. When it is whole, the request is
// done with it.
func (d *Desk) Hand(ctx context.Context, r control.Request, p export.Prepared, f export.Format, actor string, to io.Writer) error {
	e := control.Exported{Request: r.ID, At: p.Head.Made, Actor: actor, Format: string(f), Items: control.ExportedInPart}
	return d.recorded(ctx, e, func() (int64, error) {
		w, err := export.New(f, to)
		if err != nil {
			return 0, err
		}
		return export.Write(ctx, w, p.Head, p.Source)
	})
}

// recorded notes an export before it leaves and when it is whole.
func (d *Desk) recorded(ctx context.Context, e control.Exported, leave func() (int64, error)) error {
	if err := d.Store.PutExported(ctx, e); err != nil {
		return err
	}
	items, err := leave()
	if err != nil {
		return err
	}
	d.exports.WithLabelValues(e.Format).Inc()
	ctx = context.WithoutCancel(ctx) // it has left
	e.Items = items
	if err := d.Store.PutExported(ctx, e); err != nil {
		d.Logger.Warn("an export that was handed out is on record as one in part", "error", err)
	}
	task := control.Task{Name: "export", State: control.TaskDone, Before: -1, After: items, Verified: d.now(), Actor: e.Actor, Note: e.Format}
	if err := d.Requests.Finish(ctx, e.Request, []control.Task{task}); err != nil {
		d.Logger.Warn("an export was handed out, and its request is not complete: hand it out again or sign it off", "request", e.Request.String(), "error", err)
	}
	return nil
}
