package console

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/importer"
	"zgoda/rights"
)

type importRequestsInput struct {
	Site string `query:"site" required:"true" maxLength:"64"`
}

func (s *Server) requestImportRoute(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "import-requests", Method: http.MethodPost, Path: "/requests:import",
		Tags: []string{"requests"}, Summary: "Import past requests",
		Description: "The body is CSV with the columns right, received, completed, state (complete, denied, cancelled), channel, identifier, ground, note; at most 8 MiB. " +
			"An identifier finds the contact and is dropped. The answer is one JSON object a line as rows are read: `{line, field, reason}` for a row that is left out, " +
			"`{rows, accepted, bad}` for each group that holds. The trailer Zgoda-Outcome is `done` when the file was read to its end; else it can be sent again: nothing is kept twice.",
		Errors: []int{http.StatusNotFound},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: "string"}},
		}},
		Responses: map[string]*huma.Response{"200": {
			Description: "Bad rows and progress", Content: map[string]*huma.MediaType{mediaLines: {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, auditors), s.importRequests)
}

func (s *Server) importRequests(ctx context.Context, in *importRequestsInput) (*huma.StreamResponse, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	who := actor(ctx)
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		s.streamRows(hctx, in.Site, "requests", func(body io.Reader, bad func(importer.Bad) error, progress func(importer.Report)) (importer.Report, error) {
			return s.deps.Requests.Import(hctx.Context(), body, rights.Import{Site: policy.Site, Actor: who, Bad: bad, Progress: progress})
		})
	}}, nil
}
