package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// The trailers of a streamed answer. A stream that ends without the outcome
// "done" is not whole, whatever its status said at the start.
const (
	TrailerOutcome = "Zgoda-Outcome" // done or failed
	TrailerError   = "Zgoda-Error"   // why it failed, quoted as Go quotes a string
)

type sqlInput struct {
	Body struct {
		SQL    string `json:"sql" minLength:"1" maxLength:"1000000" doc:"one statement, in the database zgoda"`
		Format string `json:"format,omitempty" enum:"TSV,JSON,CSV,Pretty" default:"TSV"`
		As     string `json:"as,omitempty" enum:"administrator,analyst" doc:"whose rights; the role of the token by default. An analyst sees aggregates only"`
	}
}

var mediaTypes = map[string]string{
	"TSV":    "text/tab-separated-values; charset=utf-8",
	"JSON":   "application/json",
	"CSV":    "text/csv; charset=utf-8",
	"Pretty": "text/plain; charset=utf-8",
}

func (s *Server) sqlRoutes(api huma.API) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "sql", Method: http.MethodPost, Path: "/sql",
		Tags: []string{"activity"}, Summary: "Query the activity",
		Description:  "Streams the answer. The trailer Zgoda-Outcome is `done` when the answer is whole; else Zgoda-Error says why not.",
		MaxBodyBytes: 2 << 20,
		Errors:       []int{http.StatusTooManyRequests},
		Responses: map[string]*huma.Response{"200": {
			Description: "The answer",
			Content: map[string]*huma.MediaType{
				"text/tab-separated-values": text, "application/json": text, "text/csv": text, "text/plain": text,
			},
		}},
	}, queriers), s.sql)
}

func (s *Server) sql(ctx context.Context, in *sqlInput) (*huma.StreamResponse, error) {
	role := holder(ctx).Role
	as := Role(in.Body.As)
	if as == RoleAdministrator && role != RoleAdministrator {
		return nil, problem(http.StatusForbidden, "the token's role does not allow this")
	}
	q := Query{Text: in.Body.SQL, Format: in.Body.Format, Analyst: as == RoleAnalyst || role != RoleAdministrator}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { s.stream(hctx, q) }}, nil //nolint:contextcheck // huma.Context carries the request's
}

// stream runs the query and sends its answer as it comes.
func (s *Server) stream(hctx huma.Context, q Query) {
	select {
	case s.queries <- struct{}{}:
		defer func() { <-s.queries }()
	default:
		hctx.SetHeader("Retry-After", "1")
		sendProblem(hctx, problem(http.StatusTooManyRequests, "too many queries are running"))
		return
	}
	ctx, cancel := context.WithTimeout(hctx.Context(), s.cfg.QueryTimeout)
	defer cancel()
	w, raw := s.streamed(hctx, mediaTypes[q.Format])
	err := s.deps.SQL.Query(ctx, q, w)
	w.deadline(w.write)
	if err != nil && !w.begun {
		// The asker wrote the statement, so the engine's words about it are theirs.
		sendProblem(hctx, problem(http.StatusBadRequest, oneLine(err.Error())))
		return
	}
	w.begin()
	if err != nil {
		raw.Header().Set(TrailerOutcome, "failed")
		raw.Header().Set(TrailerError, strconv.QuoteToASCII(oneLine(err.Error())))
		return
	}
	raw.Header().Set(TrailerOutcome, "done")
}

// streamed returns where a streamed answer is written to, and the header of its
// trailers.
func (s *Server) streamed(hctx huma.Context, mediaType string) (*lazyWriter, http.ResponseWriter) {
	_, raw := humago.Unwrap(hctx)
	w := &lazyWriter{
		ctx: hctx, control: http.NewResponseController(raw), mediaType: mediaType,
		idle: s.cfg.QueryTimeout + s.cfg.WriteTimeout, write: s.cfg.WriteTimeout,
	}
	w.deadline(w.idle)
	return w, raw
}

// lazyWriter sends the header with the first piece, so that a query that fails
// before it can be answered with a status of its own.
type lazyWriter struct {
	ctx         huma.Context
	control     *http.ResponseController
	mediaType   string
	idle, write time.Duration
	begun       bool
}

func (w *lazyWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	w.ctx.SetHeader("Content-Type", w.mediaType)
	w.ctx.SetHeader("Trailer", TrailerOutcome+", "+TrailerError)
	w.ctx.SetStatus(http.StatusOK)
}

// Write sends a piece. A client that does not read is given up after the
// console's write timeout; between pieces the engine may take its time.
func (w *lazyWriter) Write(b []byte) (int, error) {
	w.begin()
	w.deadline(w.write)
	defer w.deadline(w.idle)
	return w.ctx.BodyWriter().Write(b)
}

func (w *lazyWriter) deadline(d time.Duration) {
	// A writer without deadlines has the server's own.
	_ = w.control.SetWriteDeadline(time.Now().Add(d))
}

// oneLine makes an engine's words fit for a header and a terminal.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text, "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	const most = 2000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return text
}
