package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

const (
	forgetPath = "/contacts:forget-many" // ends the path, whose bodies the guard does not bound
	maxForget  = 256 << 20               // of one body
	maxLine    = 4 << 10                 // of one line
)

type forgetManyInput struct {
	SitePath
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"200" doc:"why, and where the papers are; nothing personal"`
	Mode   string `query:"mode" enum:"erase,anonymise" default:"erase" doc:"of lines that do not say"`
}

// forgetLine is one line of what is asked.
type forgetLine struct {
	Line       int    `json:"line"`
	Identifier string `json:"identifier"`
	Mode       string `json:"mode"`
}

// forgotLine is the answer to one line.
type forgotLine struct {
	Line    int    `json:"line"`
	Request string `json:"request,omitempty"`
	State   string `json:"state,omitempty"`
	Error   string `json:"error,omitempty"`
}

// What a line is answered with that asks for nothing that can be done.
const (
	badMalformed = "malformed" // not a line of this kind, or not an identifier
	badUnknown   = "unknown"   // nobody is known by that
	badOpen      = "open"      // they are being forgotten already; request names by what
	badMerging   = "merging"   // they are being made one with another contact
	badLinked    = "linked"    // a browser that is a contact's
)

func (s *Server) forgetManyRoute(api huma.API) {
	op := s.operation(huma.Operation{
		OperationID: "forget-many", Method: http.MethodPost, Path: "/sites/{site}" + forgetPath,
		Tags: []string{"contacts", "requests"}, Summary: "Forget many",
		Description: "The body is one JSON object a line, `{line, identifier, mode}`; at most 256 MiB. The answer has one line for each, in their order, as they are taken in: `{line, request, state}`, or `{line, error}`: " +
			"malformed, unknown, open (with the request that is) or merging. Up to 1,024 are taken in together, and their rows go together. " +
			"The trailer Zgoda-Outcome is `done` when the body was read to its end; else Zgoda-Error says why not, and the rest can be sent again, as can all: whoever is being forgotten is answered as open.",
		Errors: []int{http.StatusNotFound},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			mediaLines: {Schema: &huma.Schema{Type: "string"}},
		}},
		Responses: map[string]*huma.Response{"200": {
			Description: "An answer for each line", Content: map[string]*huma.MediaType{mediaLines: {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, operators)
	huma.Register(api, op, s.forgetMany)
}

func (s *Server) forgetMany(ctx context.Context, in *forgetManyInput) (*huma.StreamResponse, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	f := &forgetting{server: s, site: policy.Site, mode: in.Mode, actor: actor(ctx), reason: in.Reason}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { f.run(hctx) }}, nil //nolint:contextcheck // huma.Context carries the request's
}

// forgetting is one body of many.
type forgetting struct {
	server              *Server
	site                event.SiteID
	mode, actor, reason string

	read, accepted int
	lines          *json.Encoder
	flush          func() error
}

// run reads the body and answers beside it.
func (f *forgetting) run(hctx huma.Context) {
	s := f.server
	r, raw := humago.Unwrap(hctx)
	stream := http.NewResponseController(raw)
	_ = stream.EnableFullDuplex() // HTTP/2 has it
	w := &lazyWriter{ctx: hctx, control: stream, mediaType: mediaLines, idle: s.cfg.QueryTimeout, write: s.cfg.WriteTimeout}
	w.deadline(w.idle)
	f.lines, f.flush = json.NewEncoder(w), stream.Flush
	more := func() { _ = stream.SetReadDeadline(time.Now().Add(s.cfg.ReadTimeout)) }
	err := f.all(because(hctx.Context(), f.reason), http.MaxBytesReader(raw, r.Body, maxForget), more)
	w.begin()
	if err != nil {
		raw.Header().Set(TrailerOutcome, "failed")
		raw.Header().Set(TrailerError, strconv.QuoteToASCII("not everything could be taken in now; what was answered holds, send the rest again"))
		s.log.Warn("forgetting many was cut off", "site", string(f.site), "lines", f.read, "accepted", f.accepted, "error", err)
		return
	}
	raw.Header().Set(TrailerOutcome, "done")
	s.log.Info("many are being forgotten", "site", string(f.site), "lines", f.read, "accepted", f.accepted)
}

// all takes in the lines, a group at a time.
func (f *forgetting) all(ctx context.Context, body io.Reader, more func()) error {
	in := bufio.NewReaderSize(body, maxLine)
	for end := false; !end; {
		var group []forgetLine
		for len(group) < rights.MaxOpenings && !end {
			more()
			line, err := readLine(in)
			if errors.Is(err, io.EOF) {
				end = true
			} else if err != nil {
				return err
			}
			if line == nil {
				continue
			}
			f.read++
			group = append(group, parseForget(line, f.read))
		}
		if err := f.take(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// readLine returns the next line that is not empty, nil for one that is; one that is too
// long is cut, and cannot be read then.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, prefix, err := in.ReadLine()
	line = bytes.Clone(bytes.TrimSpace(line))
	for prefix && err == nil {
		_, prefix, err = in.ReadLine()
		line = []byte("too long")
	}
	if len(line) == 0 {
		return nil, err
	}
	return line, err
}

// parseForget reads a line; without an identifier it is malformed.
func parseForget(raw []byte, number int) forgetLine {
	var l forgetLine
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || d.More() || l.Mode != "" && l.Mode != string(control.EraseAll) && l.Mode != string(control.EraseAnonymise) {
		return forgetLine{Line: number}
	}
	if l.Line == 0 {
		l.Line = number
	}
	return l
}

// take takes in a group and answers it.
func (f *forgetting) take(ctx context.Context, group []forgetLine) error {
	answers := make([]forgotLine, len(group))
	var openings []rights.Opening
	var places []int
	for i, l := range group {
		answers[i].Line = l.Line
		kind, value, err := event.ParseIdentifier(l.Identifier)
		if err != nil {
			answers[i].Error = badMalformed
			continue
		}
		mode := l.Mode
		if mode == "" {
			mode = f.mode
		}
		o := erasure(f.site, rights.Who{Kind: kind, Value: value}, mode, f.actor, f.reason)
		o.Once = true
		openings, places = append(openings, o), append(places, i)
	}
	opened, err := f.open(ctx, openings)
	if err != nil {
		return err
	}
	for i := range opened {
		a := &answers[places[i]]
		if a.Error, err = badWord(opened[i].Err); err != nil {
			return err
		}
		if a.Error == "" || a.Error == badOpen {
			a.Request, a.State = opened[i].Request.ID.String(), string(opened[i].Request.State)
		}
		if a.Error == "" {
			f.accepted++
		}
	}
	for i := range answers {
		if err := f.lines.Encode(&answers[i]); err != nil {
			return err
		}
	}
	return f.flush()
}

// open takes requests in. Whose identifier the keyholder cannot read is found by halves:
// it refuses the call as a whole.
func (f *forgetting) open(ctx context.Context, list []rights.Opening) ([]rights.Opened, error) {
	opened, err := f.server.deps.Requests.OpenMany(ctx, list)
	if _, refused := errors.AsType[*pseudonym.Refusal](err); !refused {
		return opened, err
	}
	if len(list) == 1 {
		return []rights.Opened{{Err: &rights.FieldError{Field: "identifier", Reason: "cannot be read as its kind"}}}, nil
	}
	half := len(list) / 2
	first, err := f.open(ctx, list[:half])
	if err != nil {
		return nil, err
	}
	second, err := f.open(ctx, list[half:])
	return append(first, second...), err
}

// badWord says why a line was not taken in; an error is everybody's.
func badWord(err error) (string, error) {
	_, field := errors.AsType[*rights.FieldError](err)
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, rights.ErrNobody):
		return badUnknown, nil
	case errors.Is(err, control.ErrOpen):
		return badOpen, nil
	case errors.Is(err, rights.ErrMerging):
		return badMerging, nil
	case errors.Is(err, rights.ErrLinked):
		return badLinked, nil
	case field:
		return badMalformed, nil
	default:
		return "", err
	}
}
