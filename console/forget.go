package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
)

// ForgetBody says how somebody is to be forgotten, and why.
type ForgetBody struct {
	Mode   string `json:"mode,omitempty" enum:"erase,anonymise" default:"erase" doc:"anonymise: what is left of rows without a person stays where enough others did the same"`
	Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"why, and where the papers are; nothing personal"`
}

type forgetInput struct {
	SitePath
	Body struct {
		SubjectBody
		ForgetBody
	}
}

type forgetContactInput struct {
	ContactPath
	Body ForgetBody
}

func (s *Server) forgetRoutes(api huma.API) {
	if s.deps.Requests == nil {
		return
	}
	const description = "Opens a request of erasure (GDPR Art. 17) on the operator's word of who asks. Once it is answered nothing of theirs is accepted or shown any more, unless it may still be taken back; " +
		"their rows, keys and records go step by step, and a certificate says so. One that is open already is answered as a duplicate that names it."
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "forget", Method: http.MethodPost, Path: "/sites/{site}/contacts:forget",
		Tags: []string{"contacts", "requests"}, Summary: "Forget a contact, or a visitor", Description: description,
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.forget)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "forget-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts/{contact}:forget",
		Tags: []string{"contacts", "requests"}, Summary: "Forget a contact by its handle", Description: description,
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.forgetContact)
	s.forgetManyRoute(api)
}

func (s *Server) forget(ctx context.Context, in *forgetInput) (*requestOutput, error) {
	who, err := in.Body.who()
	if err != nil {
		return nil, err
	}
	if who.Kind == event.KindUnknown && who.Handle.IsZero() {
		return nil, wrong("body.identifier", "names whom to forget; or contact does")
	}
	return s.forgetWho(ctx, in.Site, who, in.Body.ForgetBody)
}

func (s *Server) forgetContact(ctx context.Context, in *forgetContactInput) (*requestOutput, error) {
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	return s.forgetWho(ctx, in.Site, rights.Who{Handle: h}, in.Body)
}

func (s *Server) forgetWho(ctx context.Context, site string, who rights.Who, how ForgetBody) (*requestOutput, error) {
	policy, err := s.policy(site)
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Requests.Open(because(ctx, how.Reason), erasure(policy.Site, who, how.Mode, actor(ctx), how.Reason))
	if err != nil {
		return nil, s.requestFailed(ctx, "forget the contact", err)
	}
	return &requestOutput{NewRequestBody(&r)}, nil
}

// erasure is a request of an operator who knows who asks.
func erasure(site event.SiteID, who rights.Who, mode, actor, reason string) rights.Opening {
	return rights.Opening{
		Site: site, Right: control.RightErasure, Mode: control.EraseMode(mode), Who: who, Origin: "operator", Proof: "operator",
		Actor: actor, Reason: reason, Known: true,
	}
}
