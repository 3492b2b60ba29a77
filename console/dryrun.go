package console

import (
	"context"
	_ "embed"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/collector/dryrun"
	"zgoda/event"
)

type dryRunInput struct{ SitePath }

type dryRunOutput struct{ Body dryrun.Report }

func (s *Server) dryRunRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "get-dry-run", Method: http.MethodGet, Path: "/sites/{site}/dryrun",
		Tags: []string{"decisions"}, Summary: "What a candidate policy would decide otherwise",
		Description: "Numbers of decisions of the live and the candidate policy on real traffic since the gateway started, by who decided. Nothing follows from what the candidate decides.",
		Errors:      []int{http.StatusNotFound},
	}, everyone), s.dryRun)
}

func (s *Server) dryRun(_ context.Context, in *dryRunInput) (*dryRunOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	if s.deps.DryRuns != nil {
		if report, ok := s.deps.DryRuns.Report(event.SiteID(in.Site)); ok {
			return &dryRunOutput{report}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "no candidate policy runs beside this site's: give the gateway --candidate FILE")
}

//go:embed dryrun.html
var dryRunHTML []byte

//go:embed dryrun.js
var dryRunScript []byte

//go:embed dryrun.css
var dryRunStyle []byte

// pagePolicy lets the page of the dry run have its own script, and ask this
// console alone.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// dryRunPage serves the page of the dry run. It holds nothing by itself: the
// numbers come by the API, with the token that the reader gives.
func dryRunPage(mux *http.ServeMux) {
	serve := func(path, mediaType string, content []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			w.Header().Set("Content-Security-Policy", pagePolicy)
			_, _ = w.Write(content) // the reader has gone; nobody is left to tell
		})
	}
	serve("/dryrun", "text/html; charset=utf-8", dryRunHTML)
	serve("/dryrun.js", "text/javascript; charset=utf-8", dryRunScript)
	serve("/dryrun.css", "text/css; charset=utf-8", dryRunStyle)
}
