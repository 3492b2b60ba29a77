package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/confirm"
	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
)

// Proofs mail links that prove who makes a request; confirm.Proofs does.
type Proofs interface {
	Send(ctx context.Context, r control.Request, address, locale string) (expires time.Time, err error)
}

type mailProofInput struct {
	RequestPath
	Body struct {
		Identifier string `json:"identifier,omitempty" maxLength:"512" doc:"email:ADDRESS, known as one of whom the request is about; left out: the one that is kept of them and was seen last"`
		Locale     string `json:"locale,omitempty" pattern:"^[A-Za-z0-9-]{0,35}$" doc:"language of the mail and the page: en, pl, sk; others get English"`
	}
}

func (s *Server) requestMailRoute(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "mail-request", Method: http.MethodPost, Path: "/requests/{request}:mail",
		Tags: []string{"requests"}, Summary: "Mail the link that proves who asks",
		Description: "To an address under which the person is known, and to no other. The link works once, for a day; the button on its page proves the request, which goes on. " +
			"Answered when the mail server has taken the mail.",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, operators), s.mailProof)
}

func (s *Server) mailProof(ctx context.Context, in *mailProofInput) (*requestOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	address := ""
	if in.Body.Identifier != "" {
		kind, value, err := event.ParseIdentifier(in.Body.Identifier)
		if err != nil || kind != event.KindEmail {
			return nil, wrong("body.identifier", "expected email:ADDRESS")
		}
		address = value
	}
	if s.deps.Proofs == nil {
		return nil, errNoMail
	}
	r, found, err := s.deps.RequestStore.Request(ctx, id)
	switch {
	case err != nil:
		return nil, s.failed(ctx, "read the request", err)
	case !found:
		return nil, problem(http.StatusNotFound, rights.ErrRequest.Error())
	}
	if err := s.sendProof(ctx, &r, address, in.Body.Locale); err != nil {
		return nil, err
	}
	return &requestOutput{NewRequestBody(&r)}, nil
}

var errNoMail = problem(http.StatusNotFound, "no mail server is configured (mail.host)")

// sendProof mails the link of a request, or answers why not. The request stays.
func (s *Server) sendProof(ctx context.Context, r *control.Request, address, locale string) error {
	_, err := s.deps.Proofs.Send(because(ctx, "a link that proves who asks is mailed"), *r, address, locale)
	which := r.ID.String() + ": "
	switch {
	case err == nil:
		return nil
	case errors.Is(err, confirm.ErrNoAddressee):
		return wrong("body.identifier", confirm.ErrNoAddressee.Error())
	case errors.Is(err, confirm.ErrTooMany):
		return huma.ErrorWithHeaders(problem(http.StatusTooManyRequests, which+confirm.ErrTooMany.Error()), http.Header{"Retry-After": {"600"}})
	}
	for _, known := range []error{confirm.ErrNotWaiting, confirm.ErrNoAddress, confirm.ErrNotKnown, confirm.ErrSite} {
		if errors.Is(err, known) {
			return problem(http.StatusConflict, which+known.Error())
		}
	}
	return s.failed(ctx, "mail the link of "+r.ID.String(), err)
}
