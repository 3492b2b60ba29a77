package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type holderKey struct{}

// holder is whose token a request came with.
func holder(ctx context.Context) Token {
	t, _ := ctx.Value(holderKey{}).(Token)
	return t
}

// actor is how the ledger names the holder of a token.
func actor(ctx context.Context) string { return "token:" + holder(ctx).Name }

// Actor is who acts in a request of the API, as the ledger names them; "" where
// nobody does.
func Actor(ctx context.Context) string {
	if holder(ctx).Name == "" {
		return ""
	}
	return actor(ctx)
}

// authorise lets through the holders of a token with one of the roles.
func (s *Server) authorise(roles []Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		t, ok, err := s.check(ctx.Context(), ctx.Header("Authorization"))
		switch {
		case err != nil:
			ctx.SetHeader("Retry-After", "1")
			s.refuse(ctx, http.StatusServiceUnavailable, "the token cannot be checked now", err)
		case !ok:
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="zgoda"`)
			s.refuse(ctx, http.StatusUnauthorized, "a valid Bearer token is needed", nil)
		case !slices.Contains(roles, t.Role):
			s.refuse(ctx, http.StatusForbidden, "the token's role does not allow this", nil)
		default:
			next(huma.WithValue(ctx, holderKey{}, t))
		}
	}
}

// check reads an Authorization header and asks whose token it carries.
func (s *Server) check(ctx context.Context, header string) (t Token, ok bool, err error) {
	scheme, token, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 512 {
		return Token{}, false, nil
	}
	if s.deps.Local.matches(token) {
		return Token{ID: "local", Name: "local", Role: RoleAdministrator}, true, nil
	}
	return s.deps.Tokens.CheckToken(ctx, token)
}

// refuse answers a problem from a middleware.
func (s *Server) refuse(ctx huma.Context, status int, detail string, err error) {
	if err != nil {
		s.log.Warn("token not checked", "operation", ctx.Operation().OperationID, "error", err)
	}
	sendProblem(ctx, problem(status, detail))
}

// observe counts an operation's answers.
func (s *Server) observe(ctx huma.Context, next func(huma.Context)) {
	start := time.Now()
	next(ctx)
	s.metrics.observe(ctx.Operation().OperationID, ctx.Status(), time.Since(start))
}
