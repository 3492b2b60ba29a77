package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

type requestsCmd struct {
	Open     requestsOpenCmd     `cmd:"" help:"Open a request of a data subject."`
	List     requestsListCmd     `cmd:"" help:"List requests, the nearest deadline first."`
	Show     requestsShowCmd     `cmd:"" help:"Show a request with its tasks, its reviewers and its history."`
	Approve  requestsNotedCmd    `cmd:"" help:"Agree to requests."`
	Deny     requestsDenyCmd     `cmd:"" help:"Refuse a request, on a ground of the law."`
	Extend   requestsExtendCmd   `cmd:"" help:"Extend the deadline of a request, once."`
	Pause    requestsNotedCmd    `cmd:"" help:"Hold requests; the clock goes on."`
	Resume   requestsNotedCmd    `cmd:"" help:"Go on with requests that are held."`
	Cancel   requestsNotedCmd    `cmd:"" help:"End requests that nobody wants any more."`
	Undo     requestsNotedCmd    `cmd:"" help:"Take erasures back, while their undo window is open."`
	Retry    requestsNotedCmd    `cmd:"" help:"Try again what has failed."`
	Prove    requestsProofCmd    `cmd:"" help:"Say how it is known who asks."`
	Doubt    requestsProofCmd    `cmd:"" help:"Say that it is not known who asks after all; the clock stands."`
	Mail     requestsMailCmd     `cmd:"" help:"Mail the link that proves who asks, to a known address."`
	Supply   requestsSupplyCmd   `cmd:"" help:"Say whom a request is about, or its purposes."`
	SignOff  requestsSignOffCmd  `cmd:"" name:"sign-off" help:"Say that a task by hand is done."`
	Import   requestsImportCmd   `cmd:"" help:"Import past requests."`
	Queue    requestsQueueCmd    `cmd:"" help:"Show how far erasures under way are, and the gateways that they wait for."`
	NodeGone requestsNodeGoneCmd `cmd:"" name:"node-gone" help:"Declare a gateway gone for good: erasures do not wait for it."`
}

// shownRequest is a request as commands print it.
type shownRequest struct {
	Request     string     `json:"request"`
	Site        string     `json:"site"`
	Right       string     `json:"right"`
	Mode        string     `json:"mode,omitempty"`
	Scope       []string   `json:"scope,omitempty"`
	Origin      string     `json:"origin"`
	State       string     `json:"state"`
	Contact     string     `json:"contact,omitempty"`
	Received    time.Time  `json:"received"`
	Deadline    time.Time  `json:"deadline"`
	Extension   string     `json:"extension,omitempty"`
	Stands      *time.Time `json:"clock_stands_since,omitempty"`
	Stood       int        `json:"clock_stood_days,omitempty"`
	Proof       string     `json:"proof"`
	ProofBy     string     `json:"proof_by,omitempty"`
	Actor       string     `json:"actor"`
	Reason      string     `json:"reason"`
	Ground      string     `json:"ground,omitempty"`
	DuplicateOf string     `json:"duplicate_of,omitempty"`
	Undo        *time.Time `json:"undo_until,omitempty"`
	Step        string     `json:"step,omitempty"`
	Attempts    int        `json:"attempts,omitempty"`
	Next        *time.Time `json:"next_attempt,omitempty"`
	Error       string     `json:"error,omitempty"`
	Horizon     *time.Time `json:"horizon,omitempty"`
	Done        *time.Time `json:"done,omitempty"`
}

// line says in one line how a request stands.
func (r *shownRequest) line() string {
	text := fmt.Sprintf("%s %s %s, until %s", r.Request, r.Right, r.State, r.Deadline.UTC().Format(time.DateOnly))
	switch {
	case r.DuplicateOf != "":
		return fmt.Sprintf("%s %s duplicate of %s", r.Request, r.Right, r.DuplicateOf)
	case r.Done != nil:
		return fmt.Sprintf("%s %s %s", r.Request, r.Right, r.State)
	case r.Stands != nil:
		text += ", the clock stands"
	case r.Undo != nil && r.State == "approved":
		text += ", may be taken back until " + r.Undo.UTC().Format(time.RFC3339)
	case r.Error != "":
		text += ", " + r.Error
	}
	return text
}

type requestsOpenCmd struct {
	dataFlag
	siteFlag
	Right      string     `help:"access, rectification, erasure, restriction, portability, objection, automated or withdrawal" required:"" placeholder:"RIGHT"`
	Identifier string     `help:"KIND:VALUE, or - to read it from standard input; left out while nobody knows who it is" placeholder:"KIND:VALUE"`
	Contact    string     `help:"instead: a pseudonym of the contact, c_ and 26 letters" placeholder:"C"`
	Mode       string     `help:"of an erasure: erase or anonymise" placeholder:"MODE"`
	Purpose    []string   `help:"of an objection or a withdrawal: only about this purpose; may be repeated" placeholder:"P"`
	Origin     string     `help:"how it came: operator, form, mail, phone or letter" default:"operator" placeholder:"HOW"`
	Proof      string     `help:"operator: you know who asks, as the reason says; mail: by a link to their known address; none: it is yet to be proven" default:"operator" placeholder:"PROOF"`
	Locale     string     `help:"with --proof mail: language of the mail, en, pl or sk" placeholder:"L"`
	Reason     string     `help:"why, and where the papers are; nothing personal" required:"" placeholder:"R"`
	Received   *time.Time `help:"when it came, as 2026-11-22T10:00:00Z; now, if left out" placeholder:"TIME"`
	Format     string     `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

// Run opens a request.
func (f *requestsOpenCmd) Run(ctx context.Context, s streams) error {
	identifier, err := given(s, f.Identifier, "identifier")
	if err != nil {
		return err
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	in := map[string]any{"site": f.Site, "right": f.Right, "origin": f.Origin, "proof": f.Proof, "reason": f.Reason}
	for key, value := range map[string]string{"identifier": identifier, "contact": f.Contact, "mode": f.Mode, "locale": f.Locale} {
		if value != "" {
			in[key] = value
		}
	}
	if len(f.Purpose) > 0 {
		in["scope"] = f.Purpose
	}
	if f.Received != nil {
		in["received"] = f.Received
	}
	var r shownRequest
	if err := c.call(ctx, http.MethodPost, "/requests", in, &r); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, &r)
	}
	_, err = fmt.Fprintln(s.out, r.line())
	return err
}

type requestsListCmd struct {
	dataFlag
	Site    string `help:"only of this site" placeholder:"S"`
	Right   string `help:"only of these rights, separated by commas" placeholder:"RIGHT"`
	State   string `help:"only in these states, separated by commas; open: all that are not over" default:"open" placeholder:"STATE"`
	Contact string `help:"only about this contact or visitor: its consent handle" placeholder:"C"`
	Limit   int    `help:"at most so many" default:"100" placeholder:"N"`
	After   string `help:"those after this one" placeholder:"R"`
	Format  string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

// Run lists requests.
func (f *requestsListCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	q := url.Values{"state": {f.State}, "limit": {strconv.Itoa(f.Limit)}}
	if f.State == "all" {
		q.Del("state")
	}
	for key, value := range map[string]string{"site": f.Site, "right": f.Right, "contact": f.Contact, "after": f.After} {
		if value != "" {
			q.Set(key, value)
		}
	}
	var out struct {
		Requests []shownRequest `json:"requests"`
	}
	if err := c.call(ctx, http.MethodGet, "/requests?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, &out)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "request\tright\tstate\treceived\tdeadline\tstep\terror") // Flush returns the error
	for i := range out.Requests {
		r := &out.Requests[i]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Request, r.Right, r.State,
			r.Received.UTC().Format(time.DateOnly), r.Deadline.UTC().Format(time.DateOnly), r.Step, r.Error)
	}
	return w.Flush()
}

type requestsShowCmd struct {
	dataFlag
	Request string `arg:"" help:"the request, r_ and 26 letters"`
	Format  string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

// wholeRequest is a request with all that is known of it.
type wholeRequest struct {
	shownRequest
	Place *int64 `json:"queue_place,omitempty"`
	Tasks []struct {
		Name     string     `json:"name"`
		State    string     `json:"state"`
		Before   *int64     `json:"rows_before,omitempty"`
		After    *int64     `json:"rows_after,omitempty"`
		Verified *time.Time `json:"verified,omitempty"`
		Actor    string     `json:"actor,omitempty"`
		Note     string     `json:"note,omitempty"`
	} `json:"tasks"`
	Reviews []struct {
		Reviewer string    `json:"reviewer"`
		At       time.Time `json:"at"`
		Word     string    `json:"word"`
	} `json:"reviews"`
	History []struct {
		At    time.Time `json:"at"`
		Actor string    `json:"actor"`
		Act   string    `json:"act"`
		From  string    `json:"from,omitempty"`
		To    string    `json:"to"`
		Note  string    `json:"note,omitempty"`
	} `json:"history"`
}

// Run shows a request.
func (f *requestsShowCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var r wholeRequest
	if err := c.call(ctx, http.MethodGet, requestAddress(f.Request), nil, &r); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, &r)
	}
	return r.print(s.out)
}

func requestAddress(id string) string { return "/requests/" + url.PathEscape(id) }

func (r *wholeRequest) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, r.line()) // Flush returns the error
	for _, row := range [][2]string{
		{"received", r.Received.UTC().Format(time.RFC3339) + " by " + r.Origin},
		{"opened", "by " + r.Actor + ": " + r.Reason},
		{"proof", strings.TrimSpace(r.Proof + " " + r.ProofBy)},
		{"contact", r.Contact},
		{"purposes", strings.Join(r.Scope, ", ")},
		{"extended", r.Extension},
		{"ground", r.Ground},
		{"step", r.Step},
		{"error", r.Error},
	} {
		if row[1] != "" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	if r.Place != nil {
		_, _ = fmt.Fprintf(w, "queue\t%d erasures come before it\n", *r.Place)
	}
	for _, t := range r.Tasks {
		_, _ = fmt.Fprintf(w, "task\t%s\t%s\t%s\t%s\n", t.Name, t.State, rowsText(t.Name, t.Before, t.After), strings.TrimSpace(t.Actor+" "+t.Note))
	}
	for _, v := range r.Reviews {
		_, _ = fmt.Fprintf(w, "review\t%s\t%s\t%s\n", v.Reviewer, v.Word, v.At.UTC().Format(time.RFC3339))
	}
	for _, h := range r.History {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", h.At.UTC().Format(time.RFC3339), h.Act, h.To, h.Actor, h.Note)
	}
	return w.Flush()
}

func rowsText(task string, before, after *int64) string {
	text := func(n *int64) string { return strconv.FormatInt(*n, 10) }
	switch {
	case task == "export" && after != nil:
		return text(after) + " items"
	case before == nil && after == nil:
		return ""
	case before == nil: // of the control store nobody counts them: the transaction takes all there are
		return text(after) + " rows left, not counted before"
	case after == nil:
		return text(before) + " rows, not counted since"
	default:
		return text(before) + " rows, then " + text(after)
	}
}
