package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
)

// ErrUnreadable is what an Explainer's error wraps when the bytes are no HTTP
// request that can be explained. Its text is shown to the asker and repeats
// nothing of the bytes.
var ErrUnreadable = errors.New("the request cannot be explained")

type explainInput struct {
	SitePath
	RawBody []byte `contentType:"message/http"`
}

type explainOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) explainRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "explain", Method: http.MethodPost, Path: "/sites/{site}:explain",
		Tags: []string{"decisions"}, Summary: "Explain the decision about a request",
		Description:  "The body is a raw HTTP request to the public listener. The answer is the trace of the decision: every signal, its reading, the rule that fired. Nothing is stored.",
		MaxBodyBytes: 4 << 20,
		Errors:       []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "The trace",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}},
		}},
	}, operators), s.explain)
}

func (s *Server) explain(ctx context.Context, in *explainInput) (*explainOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	trace, err := s.deps.Explainer.Explain(ctx, event.SiteID(in.Site), in.RawBody)
	switch {
	case errors.Is(err, ErrUnreadable):
		return nil, problem(http.StatusBadRequest, oneLine(err.Error()))
	case err != nil:
		return nil, s.failed(ctx, "explain the request", err)
	}
	return &explainOutput{ContentType: "application/json", Body: trace}, nil
}
