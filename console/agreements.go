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

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Agreements are on record by contact; the documents are at the keyholder.
// control.Store has them.
type Agreements interface {
	PutAgreement(ctx context.Context, a control.Agreement) error
	DropAgreement(ctx context.Context, site event.SiteID, contact event.Handle, document [16]byte) error
	MoveAgreements(ctx context.Context, site event.SiteID, from, to event.Handle) error
	Agreements(ctx context.Context, q control.AgreementQuery) ([]control.Agreement, error)
	WithoutAgreement(ctx context.Context, site event.SiteID, kind string, at time.Time, after event.Handle, limit int) ([]event.Handle, error)
}

// Known tells which pseudonyms are of contacts; pseudonym.Rights does.
type Known interface {
	PseudonymsOf(ctx context.Context, handles []event.Handle, yield func(pseudonym.CasePiece) error) error
}

// agreementsPath ends the path of agreements, whose bodies are documents.
const agreementsPath = "/agreements"

// basisAgreement is what a document is kept for that is an agreement.
const basisAgreement = "agreement"

func (s *Server) agreementRoutes(api huma.API) {
	if s.deps.Agreements == nil || s.deps.People == nil {
		return
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "add-agreement", Method: http.MethodPost, Path: "/sites/{site}" + agreementsPath, MaxBodyBytes: maxAttach,
		Tags: []string{"contacts", "data"}, Summary: "Keep an agreement with a contact",
		Description: "The body is multipart/form-data of two parts: about, an object with identifier or contact, kind (1 to 64 of a-z, 0-9, _ and -), signed and, if it has an end, until, both RFC 3339, name, type and, if wanted, source and reason; " +
			"then document, its bytes, which are sealed at the keyholder as contacts:attach does with the basis agreement.",
		Errors: []int{http.StatusNotFound},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}},
		Responses: map[string]*huma.Response{"201": {
			Description: "Kept", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}},
		}},
	}, operators), s.addAgreement)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-agreements", Method: http.MethodGet, Path: "/sites/{site}" + agreementsPath,
		Tags: []string{"contacts"}, Summary: "The agreements that are kept",
		Description: "By contact and document. The document itself is handed out by contacts:document.",
	}, operators), s.listAgreements)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "contacts-without", Method: http.MethodGet, Path: "/sites/{site}/contacts",
		Tags: []string{"contacts"}, Summary: "Contacts without an agreement",
		Description: "Of the contacts that have a consent, a refusal, a standing, a linked browser or an agreement on record at the site, those that have none in force. A contact of which nothing of that is on record is not in it. The keyholder looks through every contact once a page.",
	}, operators), s.contactsWithout)
}

// agreementAbout is the first part of an agreement that comes in.
type agreementAbout struct {
	PersonBody

	Kind   string    `json:"kind"`
	Signed time.Time `json:"signed"`
	Until  time.Time `json:"until"`
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Source string    `json:"source"`
	Reason string    `json:"reason"`
}

func (a *agreementAbout) check() error {
	switch {
	case !control.ValidKind(a.Kind):
		return wrong("about.kind", "expected 1 to 64 of a-z, 0-9, _ and -")
	case a.Signed.IsZero():
		return wrong("about.signed", "must say when it was signed")
	case !a.Until.IsZero() && !a.Until.After(a.Signed):
		return wrong("about.until", "must be after it was signed")
	}
	return nil
}

type agreementInput struct{ SitePath }

func (s *Server) addAgreement(_ context.Context, in *agreementInput) (*huma.StreamResponse, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		if err := s.receiveAgreement(hctx, in.Site); err != nil {
			r, _ := humago.Unwrap(hctx)
			_, _ = io.Copy(io.Discard, r.Body) // at most maxAttach: who still writes would not hear the answer
			sendFailure(hctx, err)
		}
	}}, nil
}

func (s *Server) receiveAgreement(hctx huma.Context, site string) error {
	r, raw := humago.Unwrap(hctx)
	_ = http.NewResponseController(raw).SetReadDeadline(time.Now().Add(s.cfg.QueryTimeout))
	parts, err := r.MultipartReader()
	if err != nil {
		return problem(http.StatusUnsupportedMediaType, "the content type must be multipart/form-data")
	}
	var about agreementAbout
	if err := readPart(parts, &about); err != nil {
		return err
	}
	if err := about.check(); err != nil {
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
	id, err := s.keepAgreement(ctx, site, w, &about, document)
	if err != nil {
		return err
	}
	hctx.SetHeader("Content-Type", "application/json")
	hctx.SetStatus(http.StatusCreated)
	_ = json.NewEncoder(hctx.BodyWriter()).Encode(map[string]string{"contact": w.name(), "document": hex.EncodeToString(id[:]), "kind": about.Kind}) // the client has gone; it is kept
	return nil
}

func readPart(parts *multipart.Reader, about *agreementAbout) error {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "about" {
		return wrong("about", "expected a first part of this name")
	}
	text := json.NewDecoder(io.LimitReader(part, maxAbout))
	text.DisallowUnknownFields()
	if text.Decode(about) != nil {
		return wrong("about", "expected an object with identifier or contact, kind, signed, name and type")
	}
	return nil
}

// keepAgreement keeps the document, then that it is an agreement. A document of which
// the second cannot be said is taken away again.
func (s *Server) keepAgreement(ctx context.Context, site string, w who, about *agreementAbout, document io.Reader) (id [16]byte, err error) {
	source := about.Source
	if source == "" {
		source = basisAgreement
	}
	a := pseudonym.Attached{Name: about.Name, Type: about.Type, Source: source, Basis: basisAgreement, Seen: about.Signed}
	id, err = s.deps.People.Attach(ctx, w.ref, a, document)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return id, problem(http.StatusRequestEntityTooLarge, "the document is too large")
	case err != nil:
		return id, s.peopleFailed(ctx, "keep the document", err)
	}
	err = s.deps.Agreements.PutAgreement(ctx, control.Agreement{
		Site: event.SiteID(site), Contact: w.handle, Document: id, Kind: about.Kind, Signed: micros(about.Signed), Until: micros(about.Until),
	})
	if err == nil {
		return id, nil
	}
	if _, undone := s.deps.People.Remove(context.WithoutCancel(ctx), w.ref, nil, [][16]byte{id}, 0); undone != nil {
		s.log.Warn("a document is kept whose agreement is not on record", "error", undone)
	}
	return id, s.failed(ctx, "keep the agreement", err)
}

func micros(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

type agreementsInput struct {
	SitePath
	Kind    string `query:"kind" maxLength:"64"`
	Contact string `query:"contact" maxLength:"28" doc:"the contact's handle"`
	InForce bool   `query:"in_force" doc:"only those that are in force now"`
	After   string `query:"after" maxLength:"61" doc:"CONTACT:DOCUMENT, next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type agreementsOutput struct {
	Body struct {
		Agreements []agreementBody `json:"agreements"`
		Next       string          `json:"next,omitempty" doc:"for after; left out on the last page"`
	}
}

type agreementBody struct {
	Contact  string     `json:"contact"`
	Document string     `json:"document"`
	Kind     string     `json:"kind"`
	Signed   time.Time  `json:"signed"`
	Until    *time.Time `json:"until,omitempty"`
}

func (s *Server) listAgreements(ctx context.Context, in *agreementsInput) (*agreementsOutput, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	q := control.AgreementQuery{Site: policy.Site, Kind: in.Kind, Limit: in.Limit}
	if in.InForce {
		q.InForce = time.Now()
	}
	if in.Contact != "" {
		h, err := readPseudonym("query.contact", in.Contact)
		if err != nil {
			return nil, err
		}
		q.Contacts = []event.Handle{h}
	}
	if in.After != "" {
		if q.Contact, q.Document, err = readAfter(in.After); err != nil {
			return nil, err
		}
	}
	list, err := s.deps.Agreements.Agreements(ctx, q)
	if err != nil {
		return nil, s.failed(ctx, "list the agreements", err)
	}
	out := &agreementsOutput{}
	out.Body.Agreements = make([]agreementBody, len(list))
	for i := range list {
		a := &list[i]
		out.Body.Agreements[i] = agreementBody{
			Contact: a.Contact.Text(event.KindUserID), Document: hex.EncodeToString(a.Document[:]), Kind: a.Kind, Signed: a.Signed, Until: given(a.Until),
		}
	}
	if n := len(list); n == in.Limit {
		out.Body.Next = out.Body.Agreements[n-1].Contact + ":" + out.Body.Agreements[n-1].Document
	}
	return out, nil
}

// readAfter reads where a page goes on.
func readAfter(text string) (contact event.Handle, document [16]byte, err error) {
	const at = 28 // of c_ and 26 letters
	if len(text) != at+1+32 || text[at] != ':' {
		return contact, document, wrong("query.after", "expected next of the page before")
	}
	if contact, err = readPseudonym("query.after", text[:at]); err == nil {
		document, err = readDocument("query.after", text[at+1:])
	}
	return contact, document, err
}

type withoutInput struct {
	SitePath
	Without string `query:"without" enum:"agreement" required:"true"`
	Kind    string `query:"kind" maxLength:"64" doc:"left out: of any kind"`
	After   string `query:"after" maxLength:"28" doc:"next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"how many on record are looked at"`
}

type withoutOutput struct {
	Body struct {
		Contacts []string `json:"contacts"`
		Next     string   `json:"next,omitempty" doc:"for after; left out on the last page"`
	}
}

// contactsWithout finds them by what is on record, and has the keyholder tell which
// are contacts: a browser that was never linked has a handle like theirs.
func (s *Server) contactsWithout(ctx context.Context, in *withoutInput) (*withoutOutput, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	if in.Kind != "" && !control.ValidKind(in.Kind) {
		return nil, wrong("query.kind", "expected 1 to 64 of a-z, 0-9, _ and -")
	}
	var after event.Handle
	if in.After != "" {
		if after, err = readPseudonym("query.after", in.After); err != nil {
			return nil, err
		}
	}
	handles, err := s.deps.Agreements.WithoutAgreement(ctx, policy.Site, in.Kind, time.Now(), after, in.Limit)
	if err != nil {
		return nil, s.failed(ctx, "look for contacts without an agreement", err)
	}
	known := map[event.Handle]bool{}
	if s.deps.Known != nil && len(handles) > 0 {
		err := s.deps.Known.PseudonymsOf(because(ctx, "contacts without an agreement"), handles, func(p pseudonym.CasePiece) error {
			known[p.Handle] = isContact(&p)
			return nil
		})
		if err != nil {
			return nil, s.peopleFailed(ctx, "tell contacts from browsers", err)
		}
	}
	out := &withoutOutput{}
	out.Body.Contacts = []string{}
	for _, h := range handles {
		if known[h] || s.deps.Known == nil {
			out.Body.Contacts = append(out.Body.Contacts, h.Text(event.KindUserID))
		}
	}
	if n := len(handles); n == in.Limit {
		out.Body.Next = handles[n-1].Text(event.KindUserID)
	}
	return out, nil
}

// isContact says whether a pseudonym is the contact's own of today, and not one of a
// contact that became it.
func isContact(p *pseudonym.CasePiece) bool {
	for _, c := range p.Pseudonyms {
		if c.Visitor == 0 && c.Purpose == "consent" {
			return c.Handle == p.Handle // the first is today's
		}
	}
	return false
}

// dropAgreements forgets agreements whose documents are gone.
func (s *Server) dropAgreements(ctx context.Context, site string, w who, documents [][16]byte) {
	if s.deps.Agreements == nil {
		return
	}
	for _, id := range documents {
		if err := s.deps.Agreements.DropAgreement(context.WithoutCancel(ctx), event.SiteID(site), w.handle, id); err != nil {
			s.log.Warn("an agreement is on record whose document was removed", "error", err)
		}
	}
}
