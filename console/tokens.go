package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type createTokenInput struct {
	Body struct {
		Role string `json:"role" enum:"administrator,operator,analyst,dpo"`
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
	token, err := s.deps.Tokens.CreateToken(ctx, Role(in.Body.Role), in.Body.Name)
	if err != nil {
		return nil, s.failed(ctx, "make the token", err)
	}
	out := &createTokenOutput{}
	out.Body.Token = token
	return out, nil
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*listTokensOutput, error) {
	tokens, err := s.deps.Tokens.ListTokens(ctx)
	if err != nil {
		return nil, s.failed(ctx, "list the tokens", err)
	}
	out := &listTokensOutput{}
	out.Body.Tokens = make([]tokenBody, 0, len(tokens))
	for _, t := range tokens {
		out.Body.Tokens = append(out.Body.Tokens, tokenBody{t.ID, t.Name, t.Role, t.CreatedAt.UTC(), t.Revoked})
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
