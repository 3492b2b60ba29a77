package console

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zgoda/consent"
	"zgoda/event"
)

const base = "/api/v1"

var (
	everyone  = []Role{RoleAdministrator, RoleOperator, RoleAnalyst, RoleDPO}
	operators = []Role{RoleAdministrator, RoleOperator, RoleDPO}
	queriers  = []Role{RoleAdministrator, RoleAnalyst, RoleDPO}
	admins    = []Role{RoleAdministrator}
)

// handler builds everything that answers requests.
func (s *Server) handler() (http.Handler, error) {
	replaceErrors()
	mux := http.NewServeMux()
	api := huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Zgoda",
				Version:     s.cfg.Version,
				Description: "Contacts, consents and operation of a consent-first activity gateway. Identifiers travel in bodies only, never in a URL. Errors are RFC 9457 problems that name the field and never repeat what was sent.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "made by `zgoda token create`"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}, verbAdapter{humago.NewAdapter(mux, "")})
	s.contactRoutes(api)
	s.peopleRoutes(api)
	s.waitingRoutes(api)
	s.consentRoutes(api)
	s.optInRoutes(api)
	s.footerRoutes(api)
	s.guardianRoutes(api)
	s.importRoutes(api)
	s.renewalRoutes(api)
	s.requestRoutes(api)
	s.forgetRoutes(api)
	s.certificateRoutes(api)
	s.ledgerRoutes(api)
	s.textRoutes(api)
	s.exportRoutes(api)
	s.correctRoutes(api)
	s.effectRoutes(api)
	s.agreementRoutes(api)
	s.explainRoutes(api)
	s.sqlRoutes(api)
	s.dryRunRoutes(api)
	s.dropRoutes(api)
	s.tokenRoutes(api)
	s.statusRoutes(api)
	s.keepingRoutes(api)
	if err := s.documentRoutes(mux, api.OpenAPI()); err != nil {
		return nil, err
	}
	dryRunPage(mux)
	for pattern, h := range s.deps.Others {
		mux.Handle(pattern, h)
	}
	return newGuard(s.cfg, s.metrics, withVerbs(withProblems(mux))), nil
}

// operation completes an operation that the holders of roles may call.
func (s *Server) operation(op huma.Operation, roles []Role) huma.Operation {
	s.metrics.expect(op.OperationID)
	op.Path = base + op.Path
	op.Security = []map[string][]string{{"bearer": {}}}
	op.Middlewares = huma.Middlewares{s.observe, s.authorise(roles), s.hold}
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = 64 << 10
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	op.Description += " Roles: " + strings.Join(names, ", ") + "."
	return op
}

// policy returns the policy of a site, or the problem that there is none.
func (s *Server) policy(id string) (*consent.Policy, error) {
	p, ok := s.deps.Sites.Policy(event.SiteID(id))
	if !ok {
		return nil, problem(http.StatusNotFound, "there is no such site")
	}
	return p, nil
}

// failed is the answer when a part we depend on failed: not done, try again.
// Identifiers that cannot be read are the client's fault.
func (s *Server) failed(ctx context.Context, act string, err error) error {
	bad := s.deps.BadIdentifier
	if errors.Is(err, event.ErrIdentifier) || bad != nil && errors.Is(err, bad) {
		return wrong("body.identifier", "cannot be read as its kind")
	}
	if ctx.Err() == nil { // else the client has gone, which is no failure of ours
		s.log.Warn("console call not done", "act", act, "error", err)
	}
	return huma.ErrorWithHeaders(
		problem(http.StatusServiceUnavailable, "could not "+act+" now; nothing is promised"),
		http.Header{"Retry-After": {"1"}})
}

// withProblems answers what no route takes as a problem.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if strings.HasPrefix(last, ":") && !strings.HasSuffix(pattern, last) {
			pattern, h = "", http.NotFoundHandler() // a verb is never a wildcard's value
		}
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// net/http's own answer tells an unknown route from an unknown method.
		own := &statusOnly{header: http.Header{}}
		h.ServeHTTP(own, r)
		if own.status != http.StatusMethodNotAllowed {
			writeProblem(w, http.StatusNotFound, "there is no such route")
			return
		}
		w.Header().Set("Allow", own.header.Get("Allow"))
		writeProblem(w, http.StatusMethodNotAllowed, "the route does not take this method")
	})
}

// statusOnly keeps an answer's status and header and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
