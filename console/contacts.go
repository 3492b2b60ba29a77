package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/consent"
	"zgoda/event"
)

// SitePath is the site of a route. It is exported because huma sees no
// unexported part of an input.
type SitePath struct {
	Site string `path:"site" maxLength:"64" doc:"the site's id"`
}

// ContactPath is the contact of a route.
type ContactPath struct {
	SitePath
	Contact string `path:"contact" pattern:"^[cvCV]_[0-9A-Za-z]{26}$" doc:"the contact's handle, c_ and 26 letters (v_ for a visitor)"`
}

// handle reads the contact of the path.
func (p *ContactPath) handle() (event.Handle, error) {
	h, err := event.ParseHandle(p.Contact)
	if err != nil || h.IsZero() {
		return event.Handle{}, wrong("path.contact", "expected c_ or v_ and 26 letters")
	}
	return h, nil
}

// name is the contact of the path as answers write it.
func (p *ContactPath) name(h event.Handle) string {
	if strings.HasPrefix(strings.ToLower(p.Contact), "v_") {
		return h.Text(event.KindVisitor)
	}
	return h.Text(event.KindUserID)
}

type identifierInput struct {
	SitePath
	Body struct {
		Identifier string `json:"identifier" minLength:"3" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id, visitor" example:"email:jana@example.org"`
	}
}

type contactBody struct {
	Contact string `json:"contact" doc:"the contact's handle"`
	Created bool   `json:"created" doc:"made by this call"`
}

type contactOutput struct {
	Status int
	Body   contactBody
}

type recordInput struct{ ContactPath }

type recordOutput struct {
	Body struct {
		Contact   string         `json:"contact"`
		State     string         `json:"state" enum:"active,restricted,erased"`
		Profiling bool           `json:"profiling" doc:"false while the switch is off"`
		Sequence  event.Sequence `json:"sequence" doc:"the control store's position that this is as of"`
		Purposes  []purposeState `json:"purposes"`
	}
}

type purposeState struct {
	Purpose string `json:"purpose"`
	Choice  string `json:"choice" enum:"unset,given,refused,withdrawn,objected"`
	Version uint32 `json:"version" doc:"of the text that was agreed to or refused"`
}

type profilingInput struct {
	ContactPath
	Body struct {
		Enabled bool   `json:"enabled" doc:"on lifts the switch and grants nothing"`
		Reason  string `json:"reason,omitempty" maxLength:"500" doc:"kept with the ledger entry"`
	}
}

// EnforcedBody is the part of an answer that says that a change holds.
type EnforcedBody struct {
	Contact  string         `json:"contact"`
	Sequence event.Sequence `json:"sequence" doc:"the control store's position of the change"`
	Seconds  float64        `json:"enforced_after_seconds" doc:"from the request to the moment it held on this node"`
}

type profilingOutput struct {
	Body struct {
		EnforcedBody
		Enabled bool `json:"enabled"`
	}
}

func (s *Server) contactRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "make-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts",
		Tags: []string{"contacts"}, Summary: "Make a contact",
		Description:   "Makes the contact with this identifier; one that exists is answered with 200. With a source, the identifier, the further ones and the traits are kept with it, as contacts:put keeps them; what is there already of the same source and basis is not kept twice, so the call can be sent again.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound},
	}, operators), s.makeContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "find-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts:find",
		Tags: []string{"contacts"}, Summary: "Find a contact",
		Description: "Finds a contact by an identifier, which is never in a URL. Makes none.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.findContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "show-contact", Method: http.MethodGet, Path: "/sites/{site}/contacts/{contact}",
		Tags: []string{"contacts"}, Summary: "What is on record about a contact now",
		Description: "The standing, the profiling switch and the choice for each purpose.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.showContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "set-profiling", Method: http.MethodPut, Path: "/sites/{site}/contacts/{contact}/profiling",
		Tags: []string{"contacts"}, Summary: "Switch profiling on or off",
		Description: "Answered once the change is durable and enforced: no event accepted later on this node is stored with the contact's profiling pseudonym.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.setProfiling)
}

func (s *Server) makeContact(ctx context.Context, in *makeInput) (*contactOutput, error) {
	kind, value, err := s.identifier(in.Site, in.Body.Identifier)
	if err != nil {
		return nil, err
	}
	data, err := in.data(s.deps.People != nil)
	if err != nil {
		return nil, err
	}
	h, made, err := s.deps.Directory.Make(ctx, event.SiteID(in.Site), kind, value)
	if err != nil {
		return nil, s.failed(ctx, "make the contact", err)
	}
	if err := s.keepWith(ctx, in.Site, kind, value, data); err != nil {
		return nil, err
	}
	out := &contactOutput{Status: http.StatusOK, Body: contactBody{Contact: h.Text(kind), Created: made}}
	if made {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (s *Server) findContact(ctx context.Context, in *identifierInput) (*contactOutput, error) {
	kind, value, err := s.identifier(in.Site, in.Body.Identifier)
	if err != nil {
		return nil, err
	}
	h, known, err := s.deps.Directory.Find(ctx, event.SiteID(in.Site), kind, value)
	switch {
	case err != nil:
		return nil, s.failed(ctx, "find the contact", err)
	case !known:
		return nil, problem(http.StatusNotFound, "no contact has this identifier")
	}
	return &contactOutput{Status: http.StatusOK, Body: contactBody{Contact: h.Text(kind)}}, nil
}

// identifier reads the identifier of the body and sees that the site exists.
func (s *Server) identifier(site, identifier string) (event.IdentifierKind, string, error) {
	if _, err := s.policy(site); err != nil {
		return event.KindUnknown, "", err
	}
	kind, value, err := event.ParseIdentifier(identifier)
	if err != nil {
		return event.KindUnknown, "", wrong("body.identifier", event.ErrIdentifier.Error())
	}
	return kind, value, nil
}

func (s *Server) showContact(ctx context.Context, in *recordInput) (*recordOutput, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Directory.Record(ctx, event.SiteID(in.Site), h)
	if err != nil {
		return nil, s.failed(ctx, "read the record", err)
	}
	out := &recordOutput{}
	out.Body.Contact, out.Body.Sequence = in.name(h), r.Sequence
	out.Body.State, out.Body.Profiling = stateName(r.State), !r.ProfilingOff
	out.Body.Purposes = make([]purposeState, 0, len(policy.Purposes))
	for _, p := range policy.Purposes {
		held := r.Purposes[p.Bit%event.MaxPurposes]
		out.Body.Purposes = append(out.Body.Purposes, purposeState{
			Purpose: string(p.ID), Choice: choiceName(held.Choice), Version: held.Version,
		})
	}
	return out, nil
}

func (s *Server) setProfiling(ctx context.Context, in *profilingInput) (*profilingOutput, error) {
	start := time.Now()
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	seq, err := s.deps.Directory.SetProfiling(ctx, event.SiteID(in.Site), h, in.Body.Enabled, actor(ctx), masked(in.Body.Reason))
	if err != nil {
		return nil, s.failed(ctx, "switch profiling", err)
	}
	out := &profilingOutput{}
	out.Body.Enabled = in.Body.Enabled
	out.Body.EnforcedBody = EnforcedBody{in.name(h), seq, time.Since(start).Seconds()}
	return out, nil
}

func stateName(s consent.State) string {
	switch s {
	case consent.StateActive:
		return "active"
	case consent.StateErased:
		return "erased"
	case consent.StateRestricted:
		return "restricted"
	default:
		return "restricted"
	}
}

func choiceName(c consent.Choice) string {
	switch c {
	case consent.ChoiceGiven:
		return "given"
	case consent.ChoiceRefused:
		return "refused"
	case consent.ChoiceWithdrawn:
		return "withdrawn"
	case consent.ChoiceObjected:
		return "objected"
	case consent.ChoiceUnset:
		return "unset"
	default:
		return "refused"
	}
}
