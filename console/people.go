package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
	"zgoda/pseudonym"
)

// People is what the keyholder keeps of contacts; pseudonym.Rights is one. Every
// call is recorded there, with who acts and why.
type People interface {
	Search(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string, period event.Period) (found pseudonym.Found, known bool, err error)
	List(ctx context.Context, handles []event.Handle) ([]pseudonym.Listed, error)
	Reveal(ctx context.Context, ref pseudonym.Ref, approval []byte) (pseudonym.Revealed, error)
	Approve(ctx context.Context, id []byte) error
	Waiting(ctx context.Context) ([]pseudonym.Waiting, error)
	Put(ctx context.Context, ref pseudonym.Ref, site event.SiteID, data []pseudonym.Datum, revision uint64) (ids []int64, now uint64, err error)
	Remove(ctx context.Context, ref pseudonym.Ref, ids []int64, documents [][16]byte, revision uint64) (now uint64, err error)
	Merge(ctx context.Context, keep, drop pseudonym.Ref, preview bool) (kept, dropped []pseudonym.Pseudonym, err error)
	Attach(ctx context.Context, ref pseudonym.Ref, a pseudonym.Attached, from io.Reader) (id [16]byte, err error)
	Attachment(ctx context.Context, ref pseudonym.Ref, id [16]byte, approval []byte, to io.Writer) (pseudonym.Attached, error)
}

// Merger makes what is on record follow a merge; subjects.Directory is one.
type Merger interface {
	// Tie makes two contacts refuse for each other, before they are one, and
	// returns what drop had agreed to and keep has not.
	Tie(ctx context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) ([]event.PurposeID, error)
	// Merged says that they are one.
	Merged(ctx context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) (event.Sequence, error)
}

// PersonBody says who: by an identifier, or by any pseudonym.
type PersonBody struct {
	Identifier string `json:"identifier,omitempty" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id"`
	Contact    string `json:"contact,omitempty" maxLength:"28" doc:"instead: a pseudonym of the contact, c_ and 26 letters; every contact is looked through for it"`
}

// ReasonBody says why. It goes to the keyholder's log of calls.
type ReasonBody struct {
	Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"why; kept in the keyholder's log, so nothing personal"`
}

// who is a contact that was found.
type who struct {
	ref    pseudonym.Ref
	handle event.Handle // of consent
}

func (w who) name() string { return w.handle.Text(event.KindUserID) }

// because names who acts, and why, to the keyholder.
func because(ctx context.Context, reason string) context.Context {
	return pseudonym.WithAct(ctx, pseudonym.Act{Actor: actor(ctx), Reason: reason})
}

// find finds a contact.
func (s *Server) find(ctx context.Context, site string, p PersonBody) (who, error) {
	if _, err := s.policy(site); err != nil {
		return who{}, err
	}
	switch {
	case (p.Identifier == "") == (p.Contact == ""):
		return who{}, wrong("body", "names the contact by identifier or by contact, and not by both")
	case p.Contact != "":
		return s.findByPseudonym(ctx, p.Contact)
	}
	kind, value, err := event.ParseIdentifier(p.Identifier)
	if err != nil || kind == event.KindVisitor {
		return who{}, wrong("body.identifier", "expected KIND:VALUE, the kind user_id, email, phone or customer_id")
	}
	found, known, err := s.deps.People.Search(ctx, event.SiteID(site), kind, value, 0)
	switch {
	case err != nil:
		return who{}, s.peopleFailed(ctx, "find the contact", err)
	case !known:
		return who{}, problem(http.StatusNotFound, "no contact has this identifier")
	}
	return who{found.Ref, found.Handles.Consent}, nil
}

func (s *Server) findByPseudonym(ctx context.Context, text string) (who, error) {
	h, err := readPseudonym("body.contact", text)
	if err != nil {
		return who{}, err
	}
	listed, err := s.deps.People.List(ctx, []event.Handle{h})
	switch {
	case err != nil:
		return who{}, s.peopleFailed(ctx, "find the contact", err)
	case len(listed) != 1:
		return who{}, problem(http.StatusNotFound, "no contact has this pseudonym")
	}
	return who{listed[0].Ref, consentOf(listed[0])}, nil
}

func readPseudonym(field, text string) (event.Handle, error) {
	h, err := event.ParseHandle(text)
	if err != nil || h.IsZero() || !strings.HasPrefix(strings.ToLower(text), "c_") {
		return event.Handle{}, wrong(field, "expected c_ and 26 letters")
	}
	return h, nil
}

// consentOf returns the pseudonym that the contact is on record by: its own come
// first.
func consentOf(l pseudonym.Listed) event.Handle {
	for _, p := range l.Pseudonyms {
		if p.Purpose == "consent" && !p.Visitor {
			return p.Handle
		}
	}
	return l.Handle
}

// peopleFailed is the answer to what the keyholder did not do. Its own words name
// no content.
func (s *Server) peopleFailed(ctx context.Context, act string, err error) error {
	var refusal *pseudonym.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Changed:
		return problem(http.StatusConflict, refusal.Text)
	case errors.As(err, &refusal):
		return problem(http.StatusUnprocessableEntity, refusal.Text)
	case errors.Is(err, pseudonym.ErrNotFound):
		return problem(http.StatusNotFound, "there is no such contact, datum, document or approval")
	case errors.Is(err, pseudonym.ErrNotAllowed):
		return problem(http.StatusForbidden, "the keyholder does not allow it: a second person must approve, or a document is above the limit of reveals")
	}
	return s.failed(ctx, act, err)
}

// PseudonymBody is a pseudonym as answers write it.
type PseudonymBody struct {
	Pseudonym string `json:"pseudonym" doc:"c_ or, of a visitor, v_ and 26 letters"`
	Purpose   string `json:"purpose" enum:"consent,profiling,analytics"`
	Period    uint32 `json:"period,omitempty" doc:"year*100+month, of analytics"`
	Version   uint32 `json:"version,omitempty" doc:"of the purpose's key"`
}

func pseudonymBodies(list []pseudonym.Pseudonym) []PseudonymBody {
	out := make([]PseudonymBody, len(list))
	for i, p := range list {
		kind := event.KindUserID
		if p.Visitor {
			kind = event.KindVisitor
		}
		out[i] = PseudonymBody{Pseudonym: p.Handle.Text(kind), Purpose: p.Purpose, Period: uint32(p.Period), Version: uint32(p.Version)}
	}
	return out
}

func (s *Server) peopleRoutes(api huma.API) {
	if s.deps.People == nil {
		return
	}
	s.dataRoutes(api)
	s.documentsRoutes(api)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-contacts", Method: http.MethodPost, Path: "/sites/{site}/contacts:list",
		Tags: []string{"contacts"}, Summary: "Whose pseudonyms these are",
		Description: "All pseudonyms of the contacts that these belong to, those of linked visitors and of merged contacts too. The keyholder looks through every contact.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.listContacts)
	if s.deps.Merger != nil {
		huma.Register(api, s.operation(huma.Operation{
			OperationID: "merge-contacts", Method: http.MethodPost, Path: "/sites/{site}/contacts:merge",
			Tags: []string{"contacts"}, Summary: "Make one contact of two",
			Description: "Of two contacts that turned out to be one person. Identifiers, data, documents and visitors of drop become keep's; a refusal of either denies from before it on; grants of drop are not carried over. It cannot be undone.",
			Errors:      []int{http.StatusNotFound, http.StatusConflict},
		}, operators), s.mergeContacts)
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-reveals", Method: http.MethodGet, Path: "/reveals",
		Tags: []string{"contacts"}, Summary: "The reveals that want a second person",
	}, operators), s.listReveals)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "approve-reveal", Method: http.MethodPost, Path: "/reveals/{reveal}:approve",
		Tags: []string{"contacts"}, Summary: "Let another person's reveal through",
		Description:   "Another person's alone, and once.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound},
	}, operators), s.approveReveal)
}

type listInput struct {
	SitePath
	Body struct {
		Pseudonyms []string `json:"pseudonyms" minItems:"1" maxItems:"64" doc:"of any purpose, c_ and 26 letters each"`
		Reason     string   `json:"reason,omitempty" maxLength:"200"`
	}
}

type listOutput struct {
	Body struct {
		Contacts []listedBody `json:"contacts" doc:"those that were found"`
	}
}

type listedBody struct {
	Asked      string          `json:"asked" doc:"the pseudonym that was asked for"`
	Contact    string          `json:"contact" doc:"the contact's handle"`
	Pseudonyms []PseudonymBody `json:"pseudonyms"`
}

func (s *Server) listContacts(ctx context.Context, in *listInput) (*listOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	handles := make([]event.Handle, len(in.Body.Pseudonyms))
	for i, text := range in.Body.Pseudonyms {
		var err error
		if handles[i], err = readPseudonym("body.pseudonyms", text); err != nil {
			return nil, err
		}
	}
	listed, err := s.deps.People.List(because(ctx, in.Body.Reason), handles)
	if err != nil {
		return nil, s.peopleFailed(ctx, "list the contacts", err)
	}
	out := &listOutput{}
	out.Body.Contacts = make([]listedBody, len(listed))
	for i, l := range listed {
		out.Body.Contacts[i] = listedBody{
			Asked: l.Handle.Text(event.KindUserID), Contact: consentOf(l).Text(event.KindUserID), Pseudonyms: pseudonymBodies(l.Pseudonyms),
		}
	}
	return out, nil
}

type revealsOutput struct {
	Body struct {
		Reveals []waitingReveal `json:"reveals"`
	}
}

type waitingReveal struct {
	ID       string    `json:"id"`
	Actor    string    `json:"actor"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Approved bool      `json:"approved"`
}
