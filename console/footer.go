package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/confirm"
	"zgoda/event"
)

// Footers make links that withdraw; confirm.Footers is one.
type Footers interface {
	Mint(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string, purposes []event.PurposeID, life time.Duration) (path string, expires time.Time, err error)
}

type footerInput struct {
	SitePath
	Body struct {
		Identifier string   `json:"identifier" minLength:"3" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id" example:"email:jana@example.org"`
		Purposes   []string `json:"purposes,omitempty" maxItems:"32" doc:"ids; left out, all that the site has when the link is used"`
		Days       int      `json:"days,omitempty" minimum:"1" maximum:"732" default:"400" doc:"how long it works"`
	}
}

type footerOutput struct {
	Body struct {
		Path    string    `json:"path" doc:"of the public listener"`
		URL     string    `json:"url,omitempty" doc:"the whole address, where mail.links is set: for the footer, and for List-Unsubscribe beside List-Unsubscribe-Post: List-Unsubscribe=One-Click"`
		Expires time.Time `json:"expires"`
	}
}

func (s *Server) footerRoutes(api huma.API) {
	if s.deps.Footers == nil {
		return
	}
	op := s.operation(huma.Operation{
		OperationID: "withdrawal-link", Method: http.MethodPost, Path: "/sites/{site}/contacts:withdrawal-link",
		Tags: []string{"consents"}, Summary: "Make a link by which one contact withdraws",
		Description: "The link withdraws consents and objects, and can do nothing else: GET shows, POST does, with one click (RFC 8058). " +
			"It is sealed, signed, not stored, and works until it expires. A site's secret key opens it for its own site too.",
		Errors: []int{http.StatusNotFound},
	}, operators)
	op.Middlewares = huma.Middlewares{s.observe, s.orSite(s.authorise(operators)), s.hold}
	huma.Register(api, op, s.footer)
}

func (s *Server) footer(ctx context.Context, in *footerInput) (*footerOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	kind, value, err := event.ParseIdentifier(in.Body.Identifier)
	if err != nil || kind == event.KindVisitor {
		return nil, wrong("body.identifier", event.ErrIdentifier.Error())
	}
	var purposes []event.PurposeID
	for _, id := range in.Body.Purposes {
		purposes = append(purposes, event.PurposeID(id))
	}
	out := &footerOutput{}
	out.Body.Path, out.Body.Expires, err = s.deps.Footers.Mint(ctx, event.SiteID(in.Site), kind, value, purposes, time.Duration(in.Body.Days)*24*time.Hour)
	switch {
	case errors.Is(err, confirm.ErrStop):
		return nil, wrong("body.purposes", confirm.ErrStop.Error())
	case errors.Is(err, confirm.ErrLife):
		return nil, wrong("body.days", confirm.ErrLife.Error())
	case s.deps.BadIdentifier != nil && errors.Is(err, s.deps.BadIdentifier):
		return nil, wrong("body.identifier", event.ErrIdentifier.Error())
	case err != nil:
		return nil, s.failed(ctx, "make the link", err)
	}
	if s.deps.Links != "" {
		out.Body.URL = strings.TrimSuffix(s.deps.Links, "/") + out.Body.Path
	}
	return out, nil
}
