package console

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/renewal"
)

// Renewals list whom to ask again; renewal.Job is one.
type Renewals interface {
	List(ctx context.Context, policy *consent.Policy, ahead time.Duration, do func(renewal.Ask) error) error
}

type renewalsInput struct {
	SitePath
	Days int `query:"days" minimum:"0" maximum:"3660" default:"30" doc:"grants that end within so many days are listed too"`
}

type renewalLine struct {
	Contact string `json:"contact"`
	Purpose string `json:"purpose"`
	Expired bool   `json:"expired" doc:"already; else soon"`
	Day     string `json:"day" doc:"when it was noted as expired, or when it ends"`
}

func (s *Server) renewalRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-renewals", Method: http.MethodGet, Path: "/sites/{site}/renewals",
		Tags: []string{"consents"}, Summary: "Whom to ask again",
		Description: "Contacts whose grant has expired and was not given again, and those whose grant ends soon; one JSON object a line, by handle only. " +
			"The trailer Zgoda-Outcome is `done` when the list is whole.",
		Errors: []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "The list", Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, operators), s.renewals)
}

func (s *Server) renewals(_ context.Context, in *renewalsInput) (*huma.StreamResponse, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	if s.deps.Renewals == nil {
		return nil, problem(http.StatusNotFound, "there is no such list")
	}
	ahead := time.Duration(in.Days) * 24 * time.Hour
	return &huma.StreamResponse{Body: func(hctx huma.Context) { s.streamRenewals(hctx, policy, ahead) }}, nil //nolint:contextcheck // huma.Context carries the request's
}

// streamRenewals sends the list as it is found.
func (s *Server) streamRenewals(hctx huma.Context, policy *consent.Policy, ahead time.Duration) {
	_, raw := humago.Unwrap(hctx)
	w := &lazyWriter{
		ctx: hctx, control: http.NewResponseController(raw), mediaType: "application/x-ndjson", idle: s.cfg.QueryTimeout, write: s.cfg.WriteTimeout,
	}
	w.deadline(w.idle)
	lines := json.NewEncoder(w)
	err := s.deps.Renewals.List(hctx.Context(), policy, ahead, func(a renewal.Ask) error {
		return lines.Encode(renewalLine{a.Subject.Text(event.KindUserID), string(a.Purpose), a.Expired, a.At.Format(time.DateOnly)})
	})
	w.begin()
	if err != nil {
		s.log.Warn("the list of renewals was cut off", "error", err)
		raw.Header().Set(TrailerOutcome, "failed")
		return
	}
	raw.Header().Set(TrailerOutcome, "done")
}
