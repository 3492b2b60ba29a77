package console

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/pseudonym"
)

// attachPath ends the path of documents that come in. What is larger than the
// guard's bound is refused by it, whatever the keyholder would take.
const (
	attachPath = "/contacts:attach"
	maxAttach  = 64 << 20
	maxAbout   = 16 << 10
)

func (s *Server) documentsRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "attach-document", Method: http.MethodPost, Path: "/sites/{site}" + attachPath, MaxBodyBytes: maxAttach,
		Tags: []string{"contacts", "data"}, Summary: "Keep a document with a contact",
		Description: "The body is multipart/form-data of two parts: about, an object with identifier or contact, name, type, source and, if wanted, basis, bytes, seen and reason; then document, its bytes. It is sealed as it comes in; at most as large as the keyholder's attachment limit (16 MiB unless set), and 64 MiB for the whole body.",
		Errors:      []int{http.StatusNotFound},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}},
		Responses: map[string]*huma.Response{"201": {
			Description: "Kept", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}},
		}},
	}, operators), s.attachDocument)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "fetch-document", Method: http.MethodPost, Path: "/sites/{site}/contacts:document",
		Tags: []string{"contacts", "data"}, Summary: "Hand a document out",
		Description: "It counts as a reveal. The answer is the document's bytes; the trailer Zgoda-Outcome is `done` when it is whole.",
		Errors:      []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "The document", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		}},
	}, operators), s.fetchDocument)
}

// aboutBody is the first part of a document that comes in.
type aboutBody struct {
	PersonBody

	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Source string    `json:"source"`
	Basis  string    `json:"basis"`
	Bytes  int64     `json:"bytes"`
	Seen   time.Time `json:"seen"`
	Reason string    `json:"reason"`
}

type attachInput struct{ SitePath }

func (s *Server) attachDocument(_ context.Context, in *attachInput) (*huma.StreamResponse, error) {
	site := in.Site
	if _, err := s.policy(site); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		if err := s.receiveDocument(hctx, site); err != nil {
			r, _ := humago.Unwrap(hctx)
			_, _ = io.Copy(io.Discard, r.Body) // at most maxAttach: who still writes would not hear the answer
			sendFailure(hctx, err)
		}
	}}, nil
}

// receiveDocument reads the two parts, and streams the second.
func (s *Server) receiveDocument(hctx huma.Context, site string) error {
	r, raw := humago.Unwrap(hctx)
	_ = http.NewResponseController(raw).SetReadDeadline(time.Now().Add(s.cfg.QueryTimeout))
	parts, err := r.MultipartReader()
	if err != nil {
		return problem(http.StatusUnsupportedMediaType, "the content type must be multipart/form-data")
	}
	about, err := readAbout(parts)
	if err != nil {
		return err
	}
	ctx := because(hctx.Context(), about.Reason)
	w, err := s.find(ctx, site, about.PersonBody)
	if err != nil {
		return err
	}
	document, err := parts.NextPart()
	if err != nil || document.FormName() != "document" {
		return wrong("document", "expected a second part of this name")
	}
	a := pseudonym.Attached{Name: about.Name, Type: about.Type, Source: about.Source, Basis: about.Basis, Bytes: about.Bytes, Seen: about.Seen}
	id, err := s.deps.People.Attach(ctx, w.ref, a, document)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "the document is too large")
	case err != nil:
		return s.peopleFailed(ctx, "keep the document", err)
	}
	hctx.SetHeader("Content-Type", "application/json")
	hctx.SetStatus(http.StatusCreated)
	_ = json.NewEncoder(hctx.BodyWriter()).Encode(map[string]string{"contact": w.name(), "id": hex.EncodeToString(id[:])}) // the client has gone; the document is kept
	return nil
}

func readAbout(parts *multipart.Reader) (about aboutBody, err error) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "about" {
		return about, wrong("about", "expected a first part of this name")
	}
	text := json.NewDecoder(io.LimitReader(part, maxAbout))
	text.DisallowUnknownFields()
	if text.Decode(&about) != nil {
		return about, wrong("about", "expected an object with identifier or contact, name, type and source")
	}
	return about, nil
}

type fetchInput struct {
	SitePath
	Body struct {
		PersonBody
		ReasonBody
		Document string `json:"document" pattern:"^[0-9a-f]{32}$" doc:"the document's id"`
		Approval string `json:"approval,omitempty" pattern:"^[0-9a-f]{32}$"`
	}
}

func (s *Server) fetchDocument(ctx context.Context, in *fetchInput) (*huma.StreamResponse, error) {
	id, err := readDocument("body.document", in.Body.Document)
	if err != nil {
		return nil, err
	}
	approval, err := hex.DecodeString(in.Body.Approval)
	if err != nil {
		return nil, wrong("body.approval", "expected 32 hexadecimal digits")
	}
	ctx = because(ctx, in.Body.Reason)
	w, err := s.find(ctx, in.Site, in.Body.PersonBody)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		s.sendDocument(because(hctx.Context(), in.Body.Reason), hctx, w, id, approval)
	}}, nil
}

func (s *Server) sendDocument(ctx context.Context, hctx huma.Context, w who, id [16]byte, approval []byte) {
	to, raw := s.streamed(hctx, "application/octet-stream")
	_, err := s.deps.People.Attachment(ctx, w.ref, id, approval, to)
	if err == nil {
		to.begin()
		raw.Header().Set(TrailerOutcome, "done")
		return
	}
	if to.begun {
		raw.Header().Set(TrailerOutcome, "failed")
		s.log.Warn("a document was cut off", "error", err)
		return
	}
	sendFailure(hctx, s.peopleFailed(ctx, "hand the document out", err))
}

// sendFailure answers an error of a handler from inside a stream.
func sendFailure(hctx huma.Context, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = problem(http.StatusServiceUnavailable, "could not be done now; nothing is promised")
	}
	if p.Status == http.StatusServiceUnavailable {
		hctx.SetHeader("Retry-After", "1")
	}
	sendProblem(hctx, p)
}
