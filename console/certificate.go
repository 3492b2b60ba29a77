package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
)

// Certificates keep the files that erasures were completed with; control.Store is
// one.
type Certificates interface {
	Certificate(ctx context.Context, id control.RequestID) (file []byte, found bool, err error)
}

func (s *Server) certificateRoutes(api huma.API) {
	if s.deps.Certificates == nil {
		return
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "erasure-certificate", Method: http.MethodGet, Path: "/requests/{request}/certificate",
		Tags: []string{"requests"}, Summary: "The certificate of an erasure",
		Description: "The file, byte for byte as it was signed: `zgoda certificate verify` checks it without the system. It holds no identifier.",
		Errors:      []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "The certificate", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}},
		}},
	}, operators), s.certificate)
}

func (s *Server) certificate(ctx context.Context, in *RequestPath) (*huma.StreamResponse, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	file, found, err := s.deps.Certificates.Certificate(ctx, id)
	if err != nil {
		return nil, s.failed(ctx, "read the certificate", err)
	}
	if !found {
		return nil, problem(http.StatusNotFound, "there is no certificate of this request: it is no erasure, or not complete yet")
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		_, _ = ctx.BodyWriter().Write(file) // the client has gone; nobody is left to tell
	}}, nil
}
