package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type withdrawalLinkCmd struct {
	contactFlags
	formatFlag
	Purpose []string `help:"a purpose; may be repeated; left out, all of the site's" sep:"none" placeholder:"P"`
	Days    int      `help:"how long the link works; default ${default}" default:"400" placeholder:"N"`
}

// Run makes the link.
func (f *withdrawalLinkCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	in := map[string]any{"identifier": identifier, "days": f.Days}
	if len(f.Purpose) > 0 {
		in["purposes"] = f.Purpose
	}
	var out struct {
		Path    string    `json:"path"`
		URL     string    `json:"url,omitempty"`
		Expires time.Time `json:"expires"`
	}
	if err := c.call(ctx, http.MethodPost, f.path()+":withdrawal-link", in, &out); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, out)
	}
	link := out.URL
	if link == "" {
		link = out.Path
	}
	_, err = fmt.Fprintf(s.out, "%s\nworks until %s\n", link, out.Expires.UTC().Format(time.RFC3339))
	return err
}
