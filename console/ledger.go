package console

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
)

// Ledger is the consent ledger as a whole.
type Ledger interface {
	// Export writes it as lines, which are not whole without the last.
	Export(ctx context.Context, w io.Writer) error
	// Key is the public key of this node's checkpoints.
	Key() string
	// Texts are what people were ever shown at a site, of all sites for the empty one.
	Texts(ctx context.Context, site event.SiteID) ([]Text, error)
}

var auditors = []Role{RoleAdministrator, RoleDPO}

type ledgerKeyOutput struct {
	Body struct {
		Key string `json:"key" doc:"for zgoda ledger verify --key; keep it where the ledger is not"`
	}
}

func (s *Server) ledgerRoutes(api huma.API) {
	if s.deps.Ledger == nil {
		return
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "export-ledger", Method: http.MethodGet, Path: "/ledger/export",
		Tags: []string{"ledger"}, Summary: "The whole consent ledger",
		Description: "Streams lines of JSON that `zgoda ledger verify` checks without the system. The trailer Zgoda-Outcome is `done` when they are whole.",
		Errors:      []int{http.StatusTooManyRequests},
		Responses: map[string]*huma.Response{"200": {
			Description: "The ledger", Content: map[string]*huma.MediaType{mediaLines: {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, auditors), func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: s.exportLedger}, nil
	})
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "ledger-key", Method: http.MethodGet, Path: "/ledger/key",
		Tags: []string{"ledger"}, Summary: "The public key of this node's checkpoints",
		Description: "Checkpoints of the ledger are signed with its other half.",
	}, everyone), func(context.Context, *struct{}) (*ledgerKeyOutput, error) {
		out := &ledgerKeyOutput{}
		out.Body.Key = s.deps.Ledger.Key()
		return out, nil
	})
}

const mediaLines = "application/x-ndjson"

// exportLedger streams the ledger. It takes as long as it takes; a client that
// does not read is given up.
func (s *Server) exportLedger(hctx huma.Context) {
	select {
	case s.queries <- struct{}{}:
		defer func() { <-s.queries }()
	default:
		hctx.SetHeader("Retry-After", "1")
		sendProblem(hctx, problem(http.StatusTooManyRequests, "too many queries are running"))
		return
	}
	w, raw := s.streamed(hctx, mediaLines)
	err := s.deps.Ledger.Export(hctx.Context(), w)
	w.deadline(w.write)
	if err != nil {
		s.log.Warn("the ledger was not exported to its end", "err", err)
	}
	if err != nil && !w.begun {
		sendProblem(hctx, problem(http.StatusServiceUnavailable, "could not export the ledger now"))
		return
	}
	w.begin()
	if err != nil {
		raw.Header().Set(TrailerOutcome, "failed")
		raw.Header().Set(TrailerError, `"the ledger could not be read to its end"`)
		return
	}
	raw.Header().Set(TrailerOutcome, "done")
}
