package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type statusOutput struct {
	Body struct {
		Version   string    `json:"version"`
		Processes []Process `json:"processes"`
	}
}

func (s *Server) statusRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/status",
		Tags: []string{"operation"}, Summary: "Version and processes",
		Description: "The version that runs and the state of its processes.",
	}, everyone), s.status)
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	out := &statusOutput{}
	out.Body.Version = s.cfg.Version
	out.Body.Processes = []Process{}
	if s.deps.Processes != nil {
		out.Body.Processes = append(out.Body.Processes, s.deps.Processes(ctx)...)
	}
	return out, nil
}
