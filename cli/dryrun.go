package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

type dryRunCmd struct {
	dataFlag
	siteFlag
	Format string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

type dryRunReport struct {
	Site           string
	Live           uint32 `json:"live_policy"`
	Candidate      uint32 `json:"candidate_policy"`
	Since          time.Time
	Events, Differ uint64
	Rows           []struct {
		Live, Candidate string
		Events          uint64
	}
	Purposes []struct {
		Purpose, Kind, Only string
		Lost, Won           uint64
		Pairs               []struct {
			Differs   bool
			Decisions uint64
			Why       string
		}
	}
}

// Run tells what a candidate policy would decide otherwise.
func (f *dryRunCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := c.call(ctx, http.MethodGet, "/sites/"+url.PathEscape(f.Site)+"/dryrun", nil, &raw); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return printJSON(s.out, raw)
	}
	return printDryRun(s.out, raw)
}

func printDryRun(out io.Writer, raw []byte) error {
	var r dryRunReport
	if err := json.Unmarshal(raw, &r); err != nil {
		return errUnread
	}
	var b bytes.Buffer
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("Site %s since %s: live policy version %d, candidate %d.", r.Site, r.Since.UTC().Format(time.RFC3339), r.Live, r.Candidate)
	line("Of %s the candidate would decide %d otherwise.", countOf(r.Events, "event"), r.Differ)
	for _, row := range r.Rows {
		line("Stored now: %s, with the candidate: %s: %s", row.Live, row.Candidate, countOf(row.Events, "event"))
	}
	for _, p := range r.Purposes {
		only := ""
		if p.Only != "" {
			only = ", in the " + p.Only + " policy only"
		}
		line("%s (%s%s): %d would be denied that are allowed now, %d allowed that are denied now.", p.Purpose, p.Kind, only, p.Lost, p.Won)
		for _, pair := range p.Pairs {
			mark := " "
			if pair.Differs {
				mark = "*"
			}
			line("%s %d: %s", mark, pair.Decisions, pair.Why)
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// countOf says how many there are of something.
func countOf(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
