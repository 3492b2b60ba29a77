package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/confirm"
	"zgoda/control/ledger"
	"zgoda/event"
)

// OptIns ask people to confirm a consent; confirm.Service is one.
type OptIns interface {
	Request(ctx context.Context, o confirm.Opening) (expires time.Time, err error)
}

// roleSite is of a site's secret key, which opens the opt-ins of its own site and
// nothing else.
const roleSite Role = "site"

type optInInput struct {
	SitePath
	Body struct {
		Identifier string   `json:"identifier" minLength:"3" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id" example:"email:jana@example.org"`
		Address    string   `json:"address,omitempty" maxLength:"320" doc:"where the mail goes; left out where the identifier is the address. Used once, kept nowhere"`
		Purposes   []string `json:"purposes" minItems:"1" maxItems:"32" doc:"ids of purposes on consent"`
		Locale     string   `json:"locale,omitempty" pattern:"^[A-Za-z0-9-]{0,35}$" doc:"language of the mail and the page: en, pl, sk; others get English"`
		Surface    string   `json:"surface,omitempty" pattern:"^[A-Za-z0-9_.:-]{0,64}$" doc:"where the person asked, for example newsletter"`
		Evidence   string   `json:"evidence,omitempty" maxLength:"500" doc:"how the person asked; kept with the ledger entry"`
	}
}

type optInOutput struct {
	Body struct {
		Expires time.Time `json:"expires" doc:"until when the link works"`
	}
}

func (s *Server) optInRoutes(api huma.API) {
	op := s.operation(huma.Operation{
		OperationID: "opt-in", Method: http.MethodPost, Path: "/sites/{site}/contacts:opt-in",
		Tags: []string{"consents"}, Summary: "Ask a person to confirm a consent",
		Description: "Records `requested` and mails a link that works once. `given` is recorded when the person confirms on its page. " +
			"Answered when the mail server has taken the mail; the answer says nothing of whether the contact was known. " +
			"A site's secret key opens it for its own site too.",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, operators)
	op.Middlewares = huma.Middlewares{s.observe, s.orSite(s.authorise(operators)), s.hold}
	huma.Register(api, op, s.optIn)
}

// orSite lets a site's secret key through as well as what next lets through.
func (s *Server) orSite(next func(huma.Context, func(huma.Context))) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, do func(huma.Context)) {
		scheme, key, _ := strings.Cut(ctx.Header("Authorization"), " ")
		if s.deps.SecretOf != nil && strings.EqualFold(scheme, "Bearer") && len(key) <= 512 {
			if site, ok := s.deps.SecretOf(key); ok {
				if string(site) != ctx.Param("site") {
					s.refuse(ctx, http.StatusForbidden, "the key is another site's", nil)
					return
				}
				do(huma.WithValue(ctx, holderKey{}, Token{ID: "key", Name: "key of " + string(site), Role: roleSite}))
				return
			}
		}
		next(ctx, do)
	}
}

func (s *Server) optIn(ctx context.Context, in *optInInput) (*optInOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	if s.deps.OptIns == nil {
		return nil, problem(http.StatusNotFound, "no mail server is configured (mail.host)")
	}
	kind, value, err := event.ParseIdentifier(in.Body.Identifier)
	if err != nil {
		return nil, wrong("body.identifier", event.ErrIdentifier.Error())
	}
	o := confirm.Opening{
		Site: event.SiteID(in.Site), Kind: kind, Identifier: value, Address: in.Body.Address, Locale: in.Body.Locale,
		Surface: in.Body.Surface, Channel: ledger.ChannelAPI, Actor: actor(ctx), Evidence: masked(in.Body.Evidence),
	}
	for _, id := range in.Body.Purposes {
		o.Purposes = append(o.Purposes, event.PurposeID(id))
	}
	expires, err := s.deps.OptIns.Request(ctx, o)
	switch {
	case errors.Is(err, confirm.ErrPurpose):
		return nil, wrong("body.purposes", confirm.ErrPurpose.Error())
	case errors.Is(err, confirm.ErrAddress):
		return nil, wrong("body.address", confirm.ErrAddress.Error())
	case errors.Is(err, confirm.ErrTooMany):
		return nil, huma.ErrorWithHeaders(problem(http.StatusTooManyRequests, confirm.ErrTooMany.Error()), http.Header{"Retry-After": {"600"}})
	case err != nil:
		return nil, s.failed(ctx, "send the link", err)
	}
	out := &optInOutput{}
	out.Body.Expires = expires
	return out, nil
}
