package opendsr

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
)

// Controller is a system that may hand over requests, about one site.
type Controller struct {
	ID   string
	Site event.SiteID
}

// Config says for whom OpenDSR is served.
type Config struct {
	Domain      string
	Controllers []Controller
	// Rights are those that are done when they are asked for.
	Rights []control.Right
	// Poll is how often it is looked for statuses to be told; 0: 2 s.
	Poll time.Duration
	// GiveUp is how long a callback is tried; 0: 72 h.
	GiveUp time.Duration
	// ResultsFor is how long a link to results can be used; 0: 7 days.
	ResultsFor time.Duration
}

// store keeps requests; control.Store is one.
type store interface {
	CheckToken(ctx context.Context, token string) (control.Token, bool, error)
	Request(ctx context.Context, id control.RequestID) (control.Request, bool, error)
	AddOpenDSR(ctx context.Context, o control.OpenDSR, tell []control.Notice) error
	OpenDSR(ctx context.Context, controller, id string) (control.OpenDSR, bool, error)
	OpenDSRToTell(ctx context.Context, statuses map[control.RequestState]string, limit int) ([]control.OpenDSR, error)
	TellOpenDSR(ctx context.Context, controller, id, was, status string, tell []control.Notice) error
}

// requests deal with requests of data subjects; rights.Service does.
type requests interface {
	Open(ctx context.Context, o rights.Opening) (control.Request, error)
	Act(ctx context.Context, id control.RequestID, a rights.Act) (control.Request, error)
}

// people finds contacts, and never makes one.
type people interface {
	Find(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, known bool, err error)
}

// Results write what a request asked to be given, as JSON.
type Results interface {
	Write(ctx context.Context, r control.Request, w io.Writer) error
}

// Deps are what a Server needs. All but Results and Logger are required.
type Deps struct {
	Key      *Key
	Store    store
	Requests requests
	People   people
	// BadIdentifier is what an error of People wraps when an identifier cannot be read
	// as its kind.
	BadIdentifier error
	// Callable says whether a URL may be called back.
	Callable func(address string) error
	// Results are what access and portability are answered with; nil: neither is taken.
	Results Results
	// Passing says whether people may be served; nil: always. Discovery is.
	Passing func() bool
	// Wake lets notices be looked at; nil: nobody.
	Wake   func()
	Now    func() time.Time // nil: the clock
	Logger *slog.Logger
}

// Server answers other systems. It is safe for concurrent use.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	mux  *http.ServeMux
	slot chan struct{} // a request being handed over
}

// maxBody bounds a request's body.
const maxBody = 64 << 10

// New makes a server.
func New(cfg Config, deps Deps) (*Server, error) {
	if cfg.Domain == "" || deps.Key == nil || deps.Store == nil || deps.Requests == nil || deps.People == nil || deps.Callable == nil {
		return nil, errors.New("opendsr: a part is missing")
	}
	for _, d := range []struct {
		to        *time.Duration
		otherwise time.Duration
	}{{&cfg.Poll, 2 * time.Second}, {&cfg.GiveUp, 72 * time.Hour}, {&cfg.ResultsFor, 7 * 24 * time.Hour}} {
		if *d.to == 0 {
			*d.to = d.otherwise
		}
	}
	s := &Server{cfg: cfg, deps: deps, log: deps.Logger, mux: http.NewServeMux(), slot: make(chan struct{}, 16)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deps.Now == nil {
		s.deps.Now = time.Now
	}
	s.routes()
	return s, nil
}

// dialect is one of the names that the specification had (10.1).
type dialect struct{ base, header, version string }

// dialects are where requests are taken, and how answers are named there.
var dialects = []dialect{
	{"/opendsr/v2/requests", "OpenDSR", "2.0"},
	{"/opendsr/v2/opendsr_requests", "OpenDSR", "2.0"},
	{"/opendsr_requests", "OpenDSR", "2.0"},
	{"/opencompliance_requests", "OpenCompliance", "1.0"},
	{"/opengdpr_requests", "OpenGDPR", "1.0"},
}

// Patterns are the routes, for a mux that they are served beside others by.
func Patterns() []string {
	out := []string{"/opendsr/"}
	for _, d := range dialects {
		if !strings.HasPrefix(d.base, out[0]) {
			out = append(out, d.base, d.base+"/{id}")
		}
	}
	return out
}

func (s *Server) routes() {
	s.mux.HandleFunc("GET /opendsr/v2/discovery", s.discover)
	s.mux.HandleFunc("GET /opendsr/certificate.pem", s.certificate)
	s.mux.HandleFunc("GET /opendsr/v2/results/{controller}/{id}", s.results)
	for _, d := range dialects {
		s.mux.HandleFunc("POST "+d.base, s.known(d, s.hand))
		s.mux.HandleFunc("GET "+d.base+"/{id}", s.known(d, s.status))
		s.mux.HandleFunc("DELETE "+d.base+"/{id}", s.known(d, s.cancel))
	}
	s.mux.HandleFunc("GET /opendsr/v2/status/{id}", s.known(dialects[0], s.status))
}

// ServeHTTP answers. What no route takes is an error of the specification's shape.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.refuse(w, &fault{http.StatusNotFound, "unknown_route", "there is no such route, or it does not take this method"})
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) now() time.Time { return s.deps.Now().UTC().Truncate(time.Microsecond) }

// call is one of a controller that is known.
type call struct {
	dialect    dialect
	controller Controller
}

type answerer func(ctx context.Context, c *call, r *http.Request) (status int, body any, err error)

// known lets through who brings a token of the role opendsr.
func (s *Server) known(d dialect, answer answerer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.closed(w) {
			return
		}
		c, f := s.caller(r)
		if f != nil {
			s.refuse(w, f)
			return
		}
		c.dialect = d
		status, body, err := answer(r.Context(), c, r)
		if err != nil {
			s.refuseFor(r.Context(), w, err)
			return
		}
		if err := s.answer(w, d, status, body); err != nil {
			s.refuseFor(r.Context(), w, err)
		}
	}
}

// closed refuses while nobody may be served.
func (s *Server) closed(w http.ResponseWriter) bool {
	if s.deps.Passing == nil || s.deps.Passing() {
		return false
	}
	s.refuse(w, &fault{http.StatusServiceUnavailable, "restoring", "erasures are being done again after a restore; come back"})
	return true
}

// caller reads the token, which is of one site, and finds whose it is: the site's
// only controller, or that of several which has the token's name.
func (s *Server) caller(r *http.Request) (*call, *fault) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 512 {
		return nil, &fault{http.StatusUnauthorized, "token_needed", "a Bearer token of the role opendsr is needed"}
	}
	t, ok, err := s.deps.Store.CheckToken(r.Context(), token)
	switch {
	case err != nil:
		s.log.Warn("token not checked", "error", err)
		return nil, &fault{http.StatusServiceUnavailable, "unavailable", "the token cannot be checked now"}
	case !ok:
		return nil, &fault{http.StatusUnauthorized, "token_needed", "a Bearer token of the role opendsr is needed"}
	case t.Role != control.RoleOpenDSR:
		return nil, &fault{http.StatusForbidden, "wrong_role", "the token is not of the role opendsr"}
	}
	var of []Controller
	for _, c := range s.cfg.Controllers {
		if c.Site == t.Site {
			of = append(of, c)
		}
	}
	for _, c := range of {
		if len(of) == 1 || c.ID == t.Name {
			return &call{controller: c}, nil
		}
	}
	return nil, &fault{http.StatusForbidden, "unknown_controller", "no controller of the token's site is configured under the token's name"}
}

// answer writes a body with its signature in the header. One that is handed over or
// cancelled has it in the body too.
func (s *Server) answer(w http.ResponseWriter, d dialect, status int, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if _, signed := body.(*taken); signed {
		if raw, err = s.deps.Key.withSignature(raw); err != nil {
			return err
		}
	}
	header, err := s.headers(d, raw)
	if err != nil {
		return err
	}
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone; nobody is left to tell
	return nil
}

// headers are those of an answer or callback (8.3). The signature is on one line.
func (s *Server) headers(d dialect, body []byte) (map[string]string, error) {
	signature, err := s.deps.Key.sign(body)
	return map[string]string{"X-" + d.header + "-Processor-Domain": s.cfg.Domain, "X-" + d.header + "-Signature": signature}, err
}

// refuse answers an error as the specification shapes it (7.6), with the status that
// HTTP has for it.
func (s *Server) refuse(w http.ResponseWriter, f *fault) {
	domain := "Validation"
	switch f.code {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="zgoda"`)
		domain = "Authentication"
	case http.StatusForbidden:
		domain = "Authentication"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		domain = "Availability"
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(f.code)
	_ = json.NewEncoder(w).Encode(failure{failed{f.code, f.words, []detail{{domain, f.reason, f.words}}}}) // as above
}

// refuseFor answers what went wrong: the caller's fault in its own words, ours
// without any.
func (s *Server) refuseFor(ctx context.Context, w http.ResponseWriter, err error) {
	if f, ok := errors.AsType[*fault](err); ok {
		s.refuse(w, f)
		return
	}
	if f, ok := errors.AsType[*rights.FieldError](err); ok {
		s.refuse(w, wrong("invalid", f.Reason))
		return
	}
	if ctx.Err() == nil {
		s.log.Warn("a request of another system was not answered", "error", err)
	}
	s.refuse(w, &fault{http.StatusServiceUnavailable, "unavailable", "it could not be done now; nothing is promised"})
}

// readBody reads the body of a request, whole.
func readBody(r *http.Request) ([]byte, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, wrong("content_type", "the content type must be application/json")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, wrong("body", "the body cannot be read")
	}
	if len(body) > maxBody {
		return nil, &fault{http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 64 KiB"}
	}
	return body, nil
}

// at returns a URL of ours.
func (s *Server) at(path ...string) string {
	return (&url.URL{Scheme: "https", Host: s.cfg.Domain, Path: "/opendsr"}).JoinPath(path...).String()
}

// extension is what stands under our domain in an answer. The time binds a signed
// answer to when it was made: the specification has nothing against replays.
func (s *Server) extension(more map[string]any) map[string]any {
	if more == nil {
		more = map[string]any{}
	}
	more["at"] = s.now().Format(time.RFC3339Nano)
	return map[string]any{s.cfg.Domain: more}
}
