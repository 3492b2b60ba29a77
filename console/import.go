package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/consent"
	"zgoda/importer"
)

// maxImport bounds one file of consents.
const maxImport = 256 << 20

// importPath ends the path of imports, whose bodies the guard does not bound.
const importPath = "/contacts:import"

type importInput struct{ SitePath }

// importLine is one line of the answer: a bad row, or how far the import is.
type importLine struct {
	*importer.Bad
	*importer.Report
}

func (s *Server) importRoutes(api huma.API) {
	op := s.operation(huma.Operation{
		OperationID: "import-consents", Method: http.MethodPost, Path: "/sites/{site}" + importPath,
		Tags: []string{"contacts", "consents"}, Summary: "Import consents with their proof",
		Description: "The body is CSV with the columns kind, identifier, purpose, version, text_hash, state, time, channel, proof, until, locale, guardian, born, country; at most 256 MiB. " +
			"The answer is one JSON object a line as rows are read: `{line, field, reason}` for a row that is left out, `{rows, accepted, bad}` for each group that holds. " +
			"The trailer Zgoda-Outcome is `done` when the file was read to its end; else Zgoda-Error says why not, and the file can be sent again: nothing is written twice.",
		Errors: []int{http.StatusNotFound},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: "string"}},
		}},
		Responses: map[string]*huma.Response{"200": {
			Description: "Bad rows and progress", Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, operators)
	huma.Register(api, op, s.importConsents)
}

func (s *Server) importConsents(ctx context.Context, in *importInput) (*huma.StreamResponse, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	if s.deps.Writer == nil {
		return nil, problem(http.StatusNotFound, "nothing can be imported here")
	}
	who := actor(ctx)
	return &huma.StreamResponse{Body: func(hctx huma.Context) { s.streamImport(hctx, policy, who) }}, nil //nolint:contextcheck // huma.Context carries the request's
}

// streamImport reads the body and answers beside it.
func (s *Server) streamImport(hctx huma.Context, policy *consent.Policy, who string) {
	s.streamRows(hctx, string(policy.Site), "consents", func(body io.Reader, bad func(importer.Bad) error, progress func(importer.Report)) (importer.Report, error) {
		im, err := importer.New(s.deps.Writer, importer.Options{Policy: policy, Actor: who, Now: time.Now(), Bad: bad, Progress: progress})
		if err != nil {
			return importer.Report{}, err
		}
		return im.Run(hctx.Context(), body)
	})
}

// rowsReader reads the rows of a file, and tells of bad ones and of how far it is.
type rowsReader func(body io.Reader, bad func(importer.Bad) error, progress func(importer.Report)) (importer.Report, error)

// streamRows lets the body be read and answers beside it.
func (s *Server) streamRows(hctx huma.Context, site, what string, read rowsReader) {
	r, raw := humago.Unwrap(hctx)
	control := http.NewResponseController(raw)
	_ = control.EnableFullDuplex() // HTTP/2 has it
	w := &lazyWriter{ctx: hctx, control: control, mediaType: "application/x-ndjson", idle: s.cfg.QueryTimeout, write: s.cfg.WriteTimeout}
	w.deadline(w.idle)
	lines := json.NewEncoder(w)
	more := func() { _ = control.SetReadDeadline(time.Now().Add(s.cfg.ReadTimeout)) }
	more()
	report, err := read(http.MaxBytesReader(raw, r.Body, maxImport),
		func(b importer.Bad) error { return lines.Encode(importLine{Bad: &b}) },
		func(report importer.Report) {
			more()
			if lines.Encode(importLine{Report: &report}) == nil {
				_ = control.Flush()
			}
		})
	if err == nil {
		err = lines.Encode(importLine{Report: &report})
	}
	if err != nil && !w.begun {
		s.refuseImport(hctx, err)
		return
	}
	w.begin()
	if err != nil {
		raw.Header().Set(TrailerOutcome, "failed")
		raw.Header().Set(TrailerError, strconv.QuoteToASCII(importWords(err)))
		s.log.Warn("an import was cut off", "of", what, "site", site, "rows", report.Rows, "error", err)
		return
	}
	raw.Header().Set(TrailerOutcome, "done")
	s.log.Info("an import is done", "of", what, "site", site, "rows", report.Rows, "accepted", report.Accepted, "bad", report.Bad)
}

// refuseImport answers an import of which nothing was written or told.
func (s *Server) refuseImport(hctx huma.Context, err error) {
	status := http.StatusServiceUnavailable
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, importer.ErrHeader), errors.Is(err, importer.ErrRow):
		status = http.StatusUnprocessableEntity
	default:
		s.log.Warn("an import was not begun", "error", err)
		hctx.SetHeader("Retry-After", "1")
	}
	sendProblem(hctx, problem(status, importWords(err)))
}

// importWords are what the asker is told of an import that ended early.
func importWords(err error) string {
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		return "the file is larger than 256 MiB"
	case errors.Is(err, importer.ErrHeader), errors.Is(err, importer.ErrRow):
		return oneLine(err.Error())
	default:
		return "not everything could be written now; what was told holds, send the file again"
	}
}
