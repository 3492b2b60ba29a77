package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
)

// requestArgs are requests that the same is done with.
type requestArgs struct {
	dataFlag
	Requests []string `arg:"" name:"request" help:"the requests, r_ and 26 letters each"`
}

// act does the same with each and prints how it stands then. It goes on after one
// with which it cannot be done.
func (f *requestArgs) act(ctx context.Context, s streams, verb string, body map[string]any) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	if body == nil {
		body = map[string]any{}
	}
	for key, value := range body {
		if value == "" {
			delete(body, key)
		}
	}
	var errs []error
	for _, id := range f.Requests {
		var r shownRequest
		if err := c.call(ctx, http.MethodPost, requestAddress(id)+":"+verb, body, &r); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
			continue
		}
		if _, err := fmt.Fprintln(s.out, r.line()); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// noteFlag is what the history keeps of an act.
type noteFlag struct {
	Note string `help:"why; nothing personal" placeholder:"TEXT"`
}

// requestsNotedCmd does with requests what the command's name says.
type requestsNotedCmd struct {
	requestArgs
	noteFlag
}

// Run does it with each.
func (f *requestsNotedCmd) Run(ctx context.Context, s streams, k *kong.Context) error {
	return f.act(ctx, s, k.Selected().Name, map[string]any{"note": f.Note})
}

// requestsProofCmd is prove or doubt, which need a note.
type requestsProofCmd struct {
	requestArgs
	Note string `help:"how it is known who asks, or why not; nothing personal" required:"" placeholder:"TEXT"`
}

// Run says whether it is known who asks.
func (f *requestsProofCmd) Run(ctx context.Context, s streams, k *kong.Context) error {
	return f.act(ctx, s, k.Selected().Name, map[string]any{"note": f.Note})
}

type requestsDenyCmd struct {
	requestArgs
	Ground string    `help:"manifestly_unfounded, excessive, legal_obligation, legal_claims, public_interest, identity or not_the_controller" required:"" placeholder:"GROUND"`
	Told   time.Time `help:"when the person was told, as 2026-11-22T10:00:00Z" required:"" placeholder:"TIME"`
	Note   string    `help:"why, as the person was told; nothing personal" required:"" placeholder:"TEXT"`
}

// Run refuses requests.
func (f *requestsDenyCmd) Run(ctx context.Context, s streams) error {
	return f.act(ctx, s, "deny", map[string]any{"ground": f.Ground, "told": f.Told, "note": f.Note})
}

type requestsExtendCmd struct {
	requestArgs
	Months int       `help:"1 or 2" required:"" placeholder:"N"`
	Told   time.Time `help:"when the person was told, as 2026-11-22T10:00:00Z" required:"" placeholder:"TIME"`
	Note   string    `help:"why, as the person was told; nothing personal" required:"" placeholder:"TEXT"`
}

// Run extends deadlines.
func (f *requestsExtendCmd) Run(ctx context.Context, s streams) error {
	return f.act(ctx, s, "extend", map[string]any{"months": f.Months, "told": f.Told, "note": f.Note})
}

type requestsSupplyCmd struct {
	requestArgs
	noteFlag
	Identifier string   `help:"KIND:VALUE, or - to read it from standard input" placeholder:"KIND:VALUE"`
	Contact    string   `help:"instead: a pseudonym of the contact, c_ and 26 letters" placeholder:"C"`
	Purpose    []string `help:"of an objection or a withdrawal: only about this purpose; may be repeated" placeholder:"P"`
}

// Run says whom a request is about.
func (f *requestsSupplyCmd) Run(ctx context.Context, s streams) error {
	identifier, err := given(s, f.Identifier, "identifier")
	if err != nil {
		return err
	}
	body := map[string]any{"note": f.Note, "identifier": identifier, "contact": f.Contact}
	if len(f.Purpose) > 0 {
		body["scope"] = f.Purpose
	}
	return f.act(ctx, s, "supply", body)
}

type requestsMailCmd struct {
	requestArgs
	Identifier string `help:"email:ADDRESS, or - to read it from standard input; left out: the one that is kept of them" placeholder:"email:ADDRESS"`
	Locale     string `help:"language of the mail and the page: en, pl or sk" placeholder:"L"`
}

// Run mails links.
func (f *requestsMailCmd) Run(ctx context.Context, s streams) error {
	identifier, err := given(s, f.Identifier, "identifier")
	if err != nil {
		return err
	}
	return f.act(ctx, s, "mail", map[string]any{"identifier": identifier, "locale": f.Locale})
}

type requestsSignOffCmd struct {
	requestArgs
	noteFlag
	Task string `help:"the task, for example manual:paper" required:"" placeholder:"TASK"`
}

// Run signs a task off.
func (f *requestsSignOffCmd) Run(ctx context.Context, s streams) error {
	return f.act(ctx, s, "sign-off", map[string]any{"task": f.Task, "note": f.Note})
}

type requestsImportCmd struct {
	dataFlag
	siteFlag
	File string `arg:"" help:"CSV with the columns right, received, completed, state, channel, identifier, ground, note; - reads standard input"`
	Bad  string `help:"where rows that are left out are noted, with line, field and reason; default FILE.bad.csv" placeholder:"FILE"`
}

// Run sends the file and tells how far it is.
func (f *requestsImportCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	return sendRows(ctx, s, c, rows{
		path: "/requests:import?" + url.Values{"site": {f.Site}}.Encode(), file: f.File, bad: f.Bad, what: "requests", kept: "kept",
	})
}

type requestsQueueCmd struct {
	dataFlag
	Format string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

// shownQueue is how far erasures are, and the gateways that they wait for.
type shownQueue struct {
	Waiting int64 `json:"waiting"`
	Late    int64 `json:"late"`
	Steps   []struct {
		Step     string    `json:"step"`
		Requests int64     `json:"requests"`
		Oldest   time.Time `json:"oldest"`
		Deadline time.Time `json:"deadline"`
		Failing  int64     `json:"failing"`
		Error    string    `json:"error,omitempty"`
	} `json:"steps"`
	Nodes []struct {
		Node    string    `json:"node"`
		Seen    time.Time `json:"seen"`
		Through uint64    `json:"through"`
		Gone    bool      `json:"gone"`
	} `json:"nodes"`
}

// Run shows the queue.
func (f *requestsQueueCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var q shownQueue
	if err := c.call(ctx, http.MethodGet, "/requests:queue", nil, &q); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodGet, "/nodes", nil, &q); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, &q)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "%d erasures under way, %d late\n", q.Waiting, q.Late) // Flush returns the error
	for _, p := range q.Steps {
		_, _ = fmt.Fprintf(w, "%s\t%d\toldest %s\tdeadline %s\t%d failing\t%s\n", p.Step, p.Requests,
			p.Oldest.UTC().Format(time.RFC3339), p.Deadline.UTC().Format(time.DateOnly), p.Failing, p.Error)
	}
	for _, n := range q.Nodes {
		state := "seen " + n.Seen.UTC().Format(time.RFC3339)
		if n.Gone {
			state = "gone"
		}
		_, _ = fmt.Fprintf(w, "gateway %s\t%s\n", n.Node, state)
	}
	return w.Flush()
}

type requestsNodeGoneCmd struct {
	dataFlag
	Node string `arg:"" help:"the gateway's name"`
}

// Run declares a gateway gone.
func (f *requestsNodeGoneCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, "/nodes/"+url.PathEscape(f.Node)+":gone", nil, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "erasures do not wait for %s any more; what is on its disk must not be used again\n", f.Node)
	return err
}
