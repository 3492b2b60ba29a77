package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/importer"
	"zgoda/rights"
)

// Requests deal with requests of data subjects; rights.Service is one.
type Requests interface {
	Open(ctx context.Context, o rights.Opening) (control.Request, error)
	OpenMany(ctx context.Context, o []rights.Opening) ([]rights.Opened, error)
	Act(ctx context.Context, id control.RequestID, a rights.Act) (control.Request, error)
	Import(ctx context.Context, file io.Reader, opt rights.Import) (importer.Report, error)
	// Late counts erasures whose rows are there for longer than the settings allow.
	Late(ctx context.Context) (int64, error)
}

// RequestStore tells of requests, and of the gateways that share the store;
// control.Store is one.
type RequestStore interface {
	Request(ctx context.Context, id control.RequestID) (control.Request, bool, error)
	Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
	Tasks(ctx context.Context, id control.RequestID) ([]control.Task, error)
	RequestHistory(ctx context.Context, id control.RequestID) ([]control.RequestHistory, error)
	Reviews(ctx context.Context, id control.RequestID) ([]control.Review, error)
	Queue(ctx context.Context) ([]control.QueueStep, error)
	QueuePlace(ctx context.Context, r *control.Request) (int64, error)
	Nodes(ctx context.Context) ([]control.Node, error)
	SetGone(ctx context.Context, node ledger.Writer, gone bool) error
}

// requestFailed is the answer to what could not be done with requests.
func (s *Server) requestFailed(ctx context.Context, act string, err error) error {
	if wrongField, ok := errors.AsType[*rights.FieldError](err); ok {
		return wrong("body."+wrongField.Field, wrongField.Reason)
	}
	if errors.Is(err, rights.ErrTransition) { // its words are ours: the act and the state
		return problem(http.StatusConflict, err.Error())
	}
	for _, known := range []struct {
		err    error
		status int
	}{
		{rights.ErrNobody, http.StatusNotFound},
		{rights.ErrRequest, http.StatusNotFound},
		{rights.ErrTask, http.StatusNotFound},
		{rights.ErrOwn, http.StatusForbidden},
		{rights.ErrMerging, http.StatusConflict},
		{rights.ErrLinked, http.StatusConflict},
		{rights.ErrTransition, http.StatusConflict},
		{rights.ErrTooLate, http.StatusConflict},
		{control.ErrOpen, http.StatusConflict},
		{control.ErrRevision, http.StatusConflict},
	} {
		if errors.Is(err, known.err) {
			return problem(known.status, known.err.Error())
		}
	}
	return s.peopleFailed(ctx, act, err)
}

// RequestPath is the request of a route.
type RequestPath struct {
	Request string `path:"request" pattern:"^r_[0-9a-z]{26}$" doc:"the request's id, r_ and 26 letters"`
}

func (p *RequestPath) id() (control.RequestID, error) {
	return readRequestID("path.request", p.Request)
}

func readRequestID(field, text string) (control.RequestID, error) {
	id, err := control.ParseRequestID(text)
	if err != nil {
		return id, wrong(field, "expected r_ and 26 letters")
	}
	return id, nil
}

// RequestBody is a request of a data subject as answers write it.
type RequestBody struct {
	Request     string     `json:"request"`
	Site        string     `json:"site"`
	Right       string     `json:"right"`
	Mode        string     `json:"mode,omitempty" doc:"of an erasure: erase or anonymise"`
	Scope       []string   `json:"scope,omitempty" doc:"purposes; left out: all"`
	Origin      string     `json:"origin"`
	State       string     `json:"state"`
	Contact     string     `json:"contact,omitempty" doc:"the consent handle of whom it is about, while they are known"`
	Received    time.Time  `json:"received"`
	Deadline    time.Time  `json:"deadline" doc:"it is later while the clock stands"`
	Extended    *time.Time `json:"extended,omitempty"`
	Extension   string     `json:"extension,omitempty" doc:"why the deadline was extended"`
	Told        *time.Time `json:"told,omitempty" doc:"when the person was told of the extension or the refusal"`
	Paused      *time.Time `json:"clock_stands_since,omitempty"`
	PausedDays  int        `json:"clock_stood_days,omitempty"`
	Proof       string     `json:"proof"`
	ProofBy     string     `json:"proof_by,omitempty"`
	Proven      *time.Time `json:"proven,omitempty"`
	Actor       string     `json:"actor"`
	Reason      string     `json:"reason"`
	Ground      string     `json:"ground,omitempty"`
	DuplicateOf string     `json:"duplicate_of,omitempty"`
	Undo        *time.Time `json:"undo_until,omitempty"`
	Step        string     `json:"step,omitempty" doc:"the last step of an erasure that is done for good"`
	Attempts    int        `json:"attempts,omitempty"`
	Next        *time.Time `json:"next_attempt,omitempty"`
	Error       string     `json:"error,omitempty" doc:"the class of what failed last"`
	Horizon     *time.Time `json:"horizon,omitempty" doc:"when the last copy anywhere is gone"`
	Done        *time.Time `json:"done,omitempty"`
	Imported    bool       `json:"imported,omitempty"`
}

// NewRequestBody writes a request.
func NewRequestBody(r *control.Request) RequestBody {
	out := RequestBody{
		Request: r.ID.String(), Site: string(r.Site), Right: string(r.Right), Mode: string(r.Mode), Origin: r.Origin, State: string(r.State),
		Received: r.Received, Deadline: r.Deadline, Extended: given(r.Extended), Extension: r.Extension, Told: given(r.Told),
		Paused: given(r.Paused), PausedDays: r.PausedDays, Proof: r.Proof, ProofBy: r.ProofBy, Proven: given(r.Proven), Actor: r.Actor,
		Reason: r.Reason, Ground: r.Ground, Undo: given(r.Undo), Step: string(r.Step), Attempts: r.Attempts, Next: given(r.Next), Error: r.Error,
		Horizon: given(r.Horizon), Done: given(r.Done), Imported: r.Imported,
	}
	for _, p := range r.Scope {
		out.Scope = append(out.Scope, string(p))
	}
	if !r.Handle.IsZero() {
		kind := event.KindUserID
		if r.Visitor {
			kind = event.KindVisitor
		}
		out.Contact = r.Handle.Text(kind)
	}
	if r.DuplicateOf != (control.RequestID{}) {
		out.DuplicateOf = r.DuplicateOf.String()
	}
	return out
}

// given is nil for a time that there is not.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// SubjectBody says whom a request is about.
type SubjectBody struct {
	Identifier string `json:"identifier,omitempty" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id, visitor"`
	Contact    string `json:"contact,omitempty" maxLength:"28" doc:"instead: a pseudonym of a contact, c_ and 26 letters"`
}

func (b *SubjectBody) who() (w rights.Who, err error) {
	switch {
	case b.Identifier != "" && b.Contact != "":
		return w, wrong("body", "names the person by identifier or by contact, and not by both")
	case b.Contact != "":
		w.Handle, err = readPseudonym("body.contact", b.Contact)
		return w, err
	case b.Identifier == "":
		return w, nil
	}
	if w.Kind, w.Value, err = event.ParseIdentifier(b.Identifier); err != nil {
		return rights.Who{}, wrong("body.identifier", "expected KIND:VALUE with a kind that there is")
	}
	return w, nil
}

func (s *Server) requestRoutes(api huma.API) {
	if s.deps.Requests == nil || s.deps.RequestStore == nil {
		return
	}
	s.requestReadRoutes(api)
	s.requestActRoutes(api)
	s.requestImportRoute(api)
	s.requestMailRoute(api)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "open-request", Method: http.MethodPost, Path: "/requests",
		Tags: []string{"requests"}, Summary: "Open a request of a data subject",
		Description: "Of a right of GDPR Art. 15 to 22 or 7(3). With a proof of who asks it goes as far as it goes by itself; without one it waits for that, and its clock stands. " +
			"A second one of the same right about the same person is kept as a duplicate of the one that is open.",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusConflict, http.StatusNotFound},
	}, operators), s.openRequest)
}

type openInput struct {
	Body struct {
		SubjectBody
		Site     string     `json:"site" maxLength:"64"`
		Right    string     `json:"right" enum:"access,rectification,erasure,restriction,portability,objection,automated,withdrawal"`
		Mode     string     `json:"mode,omitempty" enum:"erase,anonymise"`
		Scope    []string   `json:"scope,omitempty" maxItems:"32" doc:"purposes that an objection or a withdrawal is about; left out: all. Any other right is about everything, and has none"`
		Origin   string     `json:"origin,omitempty" enum:"operator,form,mail,phone,letter" default:"operator" doc:"how it came"`
		Proof    string     `json:"proof,omitempty" enum:"none,operator,mail" default:"operator" doc:"operator: whoever calls knows who asks, as the reason says; mail: a link is mailed to an address under which the person is known, and the request waits until it is followed"`
		Locale   string     `json:"locale,omitempty" pattern:"^[A-Za-z0-9-]{0,35}$" doc:"of the mail and its page: en, pl, sk; others get English"`
		Reason   string     `json:"reason" minLength:"1" maxLength:"200" doc:"why, and where the papers are; nothing personal"`
		Received *time.Time `json:"received,omitempty" doc:"when it came; now, if left out"`
	}
}

type requestOutput struct{ Body RequestBody }

func (s *Server) openRequest(ctx context.Context, in *openInput) (*requestOutput, error) {
	policy, err := s.policy(in.Body.Site)
	if err != nil {
		return nil, err
	}
	who, err := in.Body.who()
	if err != nil {
		return nil, err
	}
	o := rights.Opening{
		Site: policy.Site, Right: control.Right(in.Body.Right), Mode: control.EraseMode(in.Body.Mode), Who: who, Origin: in.Body.Origin,
		Proof: in.Body.Proof, Actor: actor(ctx), Reason: in.Body.Reason,
	}
	if in.Body.Received != nil {
		o.Received = *in.Body.Received
	}
	if o.Scope, err = s.scope(policy.Site, in.Body.Scope); err != nil {
		return nil, err
	}
	if in.Body.Proof == rights.ProofMail {
		if s.deps.Proofs == nil {
			return nil, errNoMail
		}
		o.Proof, o.Known = rights.ProofNone, true
	}
	r, err := s.deps.Requests.Open(ctx, o)
	if err != nil {
		return nil, s.requestFailed(ctx, "open the request", err)
	}
	if in.Body.Proof == rights.ProofMail {
		address := ""
		if who.Kind == event.KindEmail {
			address = who.Value
		}
		if err := s.sendProof(ctx, &r, address, in.Body.Locale); err != nil {
			return nil, err
		}
	}
	return &requestOutput{NewRequestBody(&r)}, nil
}

// scope reads purposes of a site.
func (s *Server) scope(site event.SiteID, list []string) (scope []event.PurposeID, err error) {
	policy, err := s.policy(string(site))
	if err != nil {
		return nil, err
	}
	for _, id := range list {
		if policy.Find(event.PurposeID(id)) < 0 {
			return nil, wrong("body.scope", "expected purposes of the site")
		}
		scope = append(scope, event.PurposeID(id))
	}
	return scope, nil
}
