package console

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// Exports hands out what is held of people; gather.Desk is one. What it returns of a
// *pseudonym.ApprovalNeeded wants a second person first.
type Exports interface {
	Prepare(ctx context.Context, r control.Request, approval []byte) (export.Prepared, error)
	Hand(ctx context.Context, r control.Request, p export.Prepared, f export.Format, actor string, to io.Writer) error
	// MaySend says whether exports may go to a URL.
	MaySend(url string) error
	Send(ctx context.Context, r control.Request, p export.Prepared, f export.Format, actor, url string) error
}

// headerRequest names the request that an export answers.
const headerRequest = "Zgoda-Request"

func (s *Server) exportRoutes(api huma.API) {
	if s.deps.Exports == nil || s.deps.Requests == nil || s.deps.RequestStore == nil {
		return
	}
	binary := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	whole := map[string]*huma.Response{"200": {
		Description: "The export",
		Content: map[string]*huma.MediaType{
			export.JSON.MediaType(): {Schema: &huma.Schema{Type: "object"}}, export.CSV.MediaType(): binary, export.XLSX.MediaType(): binary,
		},
	}}
	const more = "Opens a request of access, or goes on with the one that is open, and streams what is held: JSON, a zip of CSV files, or XLSX. " +
		"The trailer Zgoda-Outcome is `done` when it is whole; the request is complete then, unless something by hand is left to do. " +
		"202 says what it waits for: a reviewer, or a second person above the limit of reveals. It is recorded before its first byte leaves."
	failing := []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "export-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts:export",
		Tags: []string{"requests", "data"}, Summary: "All that is held of a person", Description: more, Errors: failing, Responses: whole,
	}, operators), s.exportContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "export-by-handle", Method: http.MethodGet, Path: "/sites/{site}/contacts/{contact}/export",
		Tags: []string{"requests", "data"}, Summary: "All that is held of a contact, by its handle", Description: more, Errors: failing, Responses: whole,
	}, operators), s.exportByHandle)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "export-request", Method: http.MethodGet, Path: "/requests/{request}/export",
		Tags: []string{"requests", "data"}, Summary: "What a request of access or portability asks for", Description: more, Errors: failing, Responses: whole,
	}, operators), s.exportRequest)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "transfer-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts:transfer",
		Tags: []string{"requests", "data"}, Summary: "Send a person's data to another controller",
		Description: "Portability (GDPR Art. 20): what the person gave on consent or for a contract goes by PUT to a host of rights.hosts, with a signature in the trailer Zgoda-Signature. Answered once it has arrived; it can be sent again.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusBadGateway, http.StatusTooManyRequests},
	}, operators), s.transferContact)
}

type exportInput struct {
	SitePath
	Body struct {
		SubjectBody
		ReasonBody
		Format   string `json:"format,omitempty" enum:"json,csv,xlsx" default:"json"`
		Request  string `json:"request,omitempty" maxLength:"28" doc:"a request of access or portability that is open; left out: one of access is opened"`
		Approval string `json:"approval,omitempty" pattern:"^[0-9a-f]{32}$" doc:"of an answer 202, when a second person has approved"`
	}
}

type exportHandleInput struct {
	ContactPath
	ExportQuery
}

// ExportQuery are the parameters of an export that is asked for by its address. It is
// exported since parameters of embedded structs are read of exported ones alone.
type ExportQuery struct {
	Format   string `query:"format" enum:"json,csv,xlsx" default:"json"`
	Approval string `query:"approval" pattern:"^[0-9a-f]{32}$" doc:"of an answer 202, when a second person has approved"`
}

type exportRequestInput struct {
	RequestPath
	ExportQuery
}

// waitingBody says what an export waits for.
type waitingBody struct {
	Request  string `json:"request"`
	State    string `json:"state"`
	Approval string `json:"approval,omitempty" doc:"a second person has to approve this reveal"`
}

func (s *Server) exportContact(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	r, err := s.askFor(ctx, in.Site, control.RightAccess, &in.Body.SubjectBody, in.Body.Reason, in.Body.Request)
	if err != nil {
		return nil, err
	}
	return s.export(r, in.Body.Reason, in.Body.Format, in.Body.Approval) //nolint:contextcheck // huma.Context carries the request's
}

func (s *Server) exportByHandle(ctx context.Context, in *exportHandleInput) (*huma.StreamResponse, error) {
	const reason = "export by handle"
	r, err := s.askFor(ctx, in.Site, control.RightAccess, &SubjectBody{Contact: in.Contact}, reason, "")
	if err != nil {
		return nil, err
	}
	return s.export(r, reason, in.Format, in.Approval) //nolint:contextcheck // as above
}

func (s *Server) exportRequest(ctx context.Context, in *exportRequestInput) (*huma.StreamResponse, error) {
	r, err := s.requestOf(ctx, "path.request", in.Request)
	if err != nil {
		return nil, err
	}
	return s.export(r, r.Reason, in.Format, in.Approval) //nolint:contextcheck // as above
}

// requestOf reads a request that is named.
func (s *Server) requestOf(ctx context.Context, field, text string) (control.Request, error) {
	id, err := readRequestID(field, text)
	if err != nil {
		return control.Request{}, err
	}
	r, found, err := s.deps.RequestStore.Request(ctx, id)
	switch {
	case err != nil:
		return r, s.failed(ctx, "read the request", err)
	case !found:
		return r, problem(http.StatusNotFound, rights.ErrRequest.Error())
	}
	return r, nil
}

// askFor returns the request that an act answers: the one that is named, the one that is
// open about the same person, or a new one.
func (s *Server) askFor(ctx context.Context, site string, right control.Right, of *SubjectBody, reason, named string) (control.Request, error) {
	policy, err := s.policy(site)
	if err != nil {
		return control.Request{}, err
	}
	if named != "" {
		r, err := s.requestOf(ctx, "body.request", named)
		if err == nil && (r.Site != event.SiteID(site) || of.Identifier+of.Contact != "") {
			err = wrong("body", "names a request of the site, and nobody beside it")
		}
		return r, err
	}
	if of.Identifier+of.Contact == "" {
		return control.Request{}, wrong("body", "names the person by identifier, contact or request")
	}
	w, err := of.who()
	if err != nil {
		return control.Request{}, err
	}
	r, err := s.deps.Requests.Open(ctx, rights.Opening{
		Site: policy.Site, Right: right, Who: w, Origin: "operator", Proof: "operator", Actor: actor(ctx), Reason: reason, Known: true,
		Once: right != control.RightRectification,
	})
	if err != nil && !errors.Is(err, control.ErrOpen) {
		return r, s.requestFailed(ctx, "open the request", err)
	}
	return r, nil
}

// export streams what a request asks for, or says what it waits for.
func (s *Server) export(r control.Request, reason, format, approval string) (*huma.StreamResponse, error) {
	token, err := hex.DecodeString(approval)
	if err != nil {
		return nil, wrong("approval", "expected 32 hexadecimal digits")
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		ctx := because(hctx.Context(), reason)
		hctx.SetHeader(headerRequest, r.ID.String())
		release, ok := s.take(hctx)
		if !ok {
			return
		}
		defer release()
		if p, ready := s.prepared(ctx, hctx, &r, token); ready {
			s.hand(ctx, hctx, r, p, export.Format(format))
		}
	}}, nil
}

// take takes one of the places of what may stream at one time.
func (s *Server) take(hctx huma.Context) (release func(), ok bool) {
	select {
	case s.queries <- struct{}{}:
		return func() { <-s.queries }, true
	default:
		hctx.SetHeader("Retry-After", "1")
		sendProblem(hctx, problem(http.StatusTooManyRequests, "too many queries are running"))
		return nil, false
	}
}

// prepared finds what is held, or answers why that is not so.
func (s *Server) prepared(ctx context.Context, hctx huma.Context, r *control.Request, approval []byte) (export.Prepared, bool) {
	switch r.State {
	case control.RequestUnverified, control.RequestInput, control.RequestPending, control.RequestApproved, control.RequestPaused, control.RequestFailed:
		sendWaiting(hctx, waitingBody{Request: r.ID.String(), State: string(r.State)})
		return export.Prepared{}, false
	default: // in progress, or over, which is refused below
	}
	p, err := s.deps.Exports.Prepare(ctx, *r, approval)
	if needed, waits := pseudonym.IsApprovalNeeded(err); waits {
		sendWaiting(hctx, waitingBody{Request: r.ID.String(), State: string(r.State), Approval: hex.EncodeToString(needed)})
		return p, false
	}
	if err != nil {
		sendFailure(hctx, s.exportFailed(ctx, "read what is held", err))
		return p, false
	}
	return p, true
}

func sendWaiting(hctx huma.Context, b waitingBody) {
	hctx.SetHeader("Content-Type", "application/json")
	hctx.SetStatus(http.StatusAccepted)
	_ = json.NewEncoder(hctx.BodyWriter()).Encode(b) // the client has gone; the request is kept
}

func (s *Server) exportFailed(ctx context.Context, act string, err error) error {
	for _, known := range []error{export.ErrErasing, export.ErrNotReady, export.ErrNowhere} {
		if errors.Is(err, known) {
			return problem(http.StatusConflict, known.Error())
		}
	}
	if errors.Is(err, export.ErrUpload) {
		return problem(http.StatusBadGateway, err.Error()) // a class or a status, nothing of others
	}
	return s.requestFailed(ctx, act, err)
}

func (s *Server) hand(ctx context.Context, hctx huma.Context, r control.Request, p export.Prepared, f export.Format) {
	suffix := string(f)
	if f == export.CSV {
		suffix = "zip"
	}
	hctx.SetHeader("Content-Disposition", `attachment; filename="`+r.ID.String()+"."+suffix+`"`)
	to, raw := s.streamed(hctx, f.MediaType())
	err := s.deps.Exports.Hand(ctx, r, p, f, actor(ctx), to)
	switch {
	case err == nil:
		to.begin()
		raw.Header().Set(TrailerOutcome, "done")
	case to.begun:
		raw.Header().Set(TrailerOutcome, "failed")
		s.log.Warn("an export was cut off", "request", r.ID.String(), "error", err)
	default:
		hctx.SetHeader("Content-Disposition", "inline")
		sendFailure(hctx, s.exportFailed(ctx, "hand the export out", err))
	}
}

type transferInput struct {
	SitePath
	Body struct {
		SubjectBody
		ReasonBody
		URL      string `json:"url" minLength:"8" maxLength:"2048" doc:"where the other controller takes it; https, and a host of rights.hosts"`
		Format   string `json:"format,omitempty" enum:"json,csv,xlsx" default:"json"`
		Request  string `json:"request,omitempty" maxLength:"28" doc:"a request of portability that is open; left out: one is opened"`
		Approval string `json:"approval,omitempty" pattern:"^[0-9a-f]{32}$"`
	}
}

// transferWithin bounds an upload as a whole.
const transferWithin = 10 * time.Minute

func (s *Server) transferContact(ctx context.Context, in *transferInput) (*huma.StreamResponse, error) {
	approval, err := hex.DecodeString(in.Body.Approval)
	if err != nil {
		return nil, wrong("body.approval", "expected 32 hexadecimal digits")
	}
	if err := s.deps.Exports.MaySend(in.Body.URL); err != nil { // before anything is opened
		if errors.Is(err, export.ErrUpload) {
			return nil, wrong("body.url", "expected https and a host of rights.hosts: "+strings.TrimPrefix(err.Error(), export.ErrUpload.Error()+": "))
		}
		return nil, s.exportFailed(ctx, "send the export", err)
	}
	r, err := s.askFor(ctx, in.Site, control.RightPortability, &in.Body.SubjectBody, in.Body.Reason, in.Body.Request)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		ctx, cancel := context.WithTimeout(because(hctx.Context(), in.Body.Reason), transferWithin)
		defer cancel()
		release, ok := s.take(hctx)
		if !ok {
			return
		}
		defer release()
		_, raw := humago.Unwrap(hctx)
		_ = http.NewResponseController(raw).SetWriteDeadline(time.Now().Add(transferWithin + s.cfg.WriteTimeout))
		p, ready := s.prepared(ctx, hctx, &r, approval)
		if !ready {
			return
		}
		if err := s.deps.Exports.Send(ctx, r, p, export.Format(in.Body.Format), actor(ctx), in.Body.URL); err != nil {
			sendFailure(hctx, s.exportFailed(ctx, "send the export", err))
			return
		}
		state := string(r.State)
		if now, found, err := s.deps.RequestStore.Request(ctx, r.ID); err == nil && found {
			state = string(now.State)
		}
		hctx.SetHeader("Content-Type", "application/json")
		hctx.SetStatus(http.StatusOK)
		_ = json.NewEncoder(hctx.BodyWriter()).Encode(waitingBody{Request: r.ID.String(), State: state}) // the client has gone; it has arrived
	}}, nil
}
