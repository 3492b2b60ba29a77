package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it alone."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, never their text."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token by its id."`
}

type tokenCreateCmd struct {
	dataFlag
	Role string `help:"administrator, operator, analyst, dpo or opendsr" required:"" enum:"administrator,operator,analyst,dpo,opendsr" placeholder:"ROLE"`
	Site string `help:"of the role opendsr: the site that the other system hands over requests about" placeholder:"S"`
	Name string `help:"whose it is; the ledger names the actor by it" default:"unnamed" placeholder:"NAME"`
}

// Run makes a token.
func (f *tokenCreateCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct{ Token string }
	in := map[string]string{"role": f.Role, "name": f.Name}
	if f.Site != "" {
		in["site"] = f.Site
	}
	if err := c.call(ctx, http.MethodPost, "/tokens", in, &out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, out.Token)
	return err
}

type tokenListCmd struct{ dataFlag }

// Run lists the tokens.
func (f *tokenListCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct {
		Tokens []struct {
			ID, Name, Role, Site string
			CreatedAt            time.Time `json:"created_at"`
			Revoked              bool
		}
	}
	if err := c.call(ctx, http.MethodGet, "/tokens", nil, &out); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "id\tname\trole\tcreated\tstate") // Flush returns the error
	for _, t := range out.Tokens {
		state := "active"
		if t.Revoked {
			state = "revoked"
		}
		if t.Site != "" {
			t.Role += " of " + t.Site
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, t.CreatedAt.Format(time.RFC3339), state)
	}
	return w.Flush()
}

type tokenRevokeCmd struct {
	dataFlag
	ID string `arg:"" help:"the token's id, as zgoda token list shows it"`
}

// Run revokes a token.
func (f *tokenRevokeCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(f.ID), nil, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, "revoked")
	return err
}
