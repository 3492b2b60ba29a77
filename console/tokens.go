package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
)

type createTokenInput struct {
	Body struct {
		Role string `json:"role" enum:"administrator,operator,analyst,dpo,opendsr"`
		Site string `json:"site,omitempty" maxLength:"63" doc:"of the role opendsr: the site that the other system hands over requests about"`
		Name string `json:"name,omitempty" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$" default:"unnamed" doc:"whose it is; the ledger names the actor by it"`
	}
}

type createTokenOutput struct {
	Body struct {
		Token string `json:"token" doc:"shown this once"`
	}
}

type listTokensOutput struct {
	Body struct {
		Tokens []tokenBody `json:"tokens"`
	}
}

type tokenBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Site      string    `json:"site,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	Revoked   bool      `json:"revoked"`
}

type tokenPath struct {
	Token string `path:"token" maxLength:"64" pattern:"^[0-9A-Za-z_-]+$" doc:"the token's id, not the token"`
}

func (s *Server) tokenRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: "/tokens",
		Tags: []string{"tokens"}, Summary: "Make a token",
		Description:   "The token is in the answer and nowhere else.",
		DefaultStatus: http.StatusCreated,
	}, admins), s.createToken)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/tokens",
		Tags: []string{"tokens"}, Summary: "List the tokens",
		Description: "Who may call, since when; never the tokens themselves.",
	}, admins), s.listTokens)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: "/tokens/{token}",
		Tags: []string{"tokens"}, Summary: "Revoke a token",
		Description: "It is refused from the answer on.",
		Errors:      []int{http.StatusNotFound},
	}, admins), s.revokeToken)
}

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
	token, err := s.makeToken(ctx, Role(in.Body.Role), in.Body.Site, in.Body.Name)
	if p, ok := errors.AsType[*Problem](err); ok {
		return nil, p
	}
	if err != nil {
		return nil, s.failed(ctx, "make the token", err)
	}
	out := &createTokenOutput{}
	out.Body.Token = token
	return out, nil
}

// makeToken makes a token; one of the role opendsr is of a site, all others are not.
func (s *Server) makeToken(ctx context.Context, role Role, site, name string) (string, error) {
	if role != RoleOpenDSR {
		if site != "" {
			return "", wrong("body.site", "is of the role opendsr alone")
		}
		return s.deps.Tokens.CreateToken(ctx, role, name)
	}
	if _, ok := s.deps.Sites.Policy(event.SiteID(site)); !ok {
		return "", wrong("body.site", "must name a site")
	}
	return s.deps.Tokens.CreateSiteToken(ctx, event.SiteID(site), name)
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*listTokensOutput, error) {
	tokens, err := s.deps.Tokens.ListTokens(ctx)
	if err != nil {
		return nil, s.failed(ctx, "list the tokens", err)
	}
	out := &listTokensOutput{}
	out.Body.Tokens = make([]tokenBody, 0, len(tokens))
	for _, t := range tokens {
		out.Body.Tokens = append(out.Body.Tokens, tokenBody{t.ID, t.Name, t.Role, string(t.Site), t.CreatedAt.UTC(), t.Revoked})
	}
	return out, nil
}

func (s *Server) revokeToken(ctx context.Context, in *tokenPath) (*struct{}, error) {
	known, err := s.deps.Tokens.RevokeToken(ctx, in.Token)
	switch {
	case err != nil:
		return nil, s.failed(ctx, "revoke the token", err)
	case !known:
		return nil, problem(http.StatusNotFound, "there is no such token")
	}
	return nil, nil
}
