package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"
)

type optInCmd struct {
	Request optInRequestCmd `cmd:"" help:"Record that a consent was asked for and mail the link to confirm it; makes the contact if need be."`
	Status  optInStatusCmd  `cmd:"" help:"Show which consents were asked for and which are confirmed."`
}

type formatFlag struct {
	Format string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

type optInRequestCmd struct {
	contactFlags
	formatFlag
	Purpose  []string `help:"a purpose on consent; may be repeated" required:"" sep:"none" placeholder:"P"`
	Address  string   `help:"where the mail goes, if the identifier is no address; - reads it from standard input, after the identifier" placeholder:"ADDRESS"`
	Locale   string   `help:"language of the mail and the page: en, pl or sk" placeholder:"L"`
	Surface  string   `help:"where the person asked, for example newsletter" placeholder:"SURFACE"`
	Evidence string   `help:"how the person asked; kept with the ledger entry" placeholder:"E"`
}

// Run asks a person to confirm.
func (f *optInRequestCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	address, err := given(s, f.Address, "address")
	if err != nil {
		return err
	}
	in := map[string]any{"identifier": identifier, "purposes": f.Purpose}
	for name, value := range map[string]string{"address": address, "locale": f.Locale, "surface": f.Surface, "evidence": f.Evidence} {
		if value != "" {
			in[name] = value
		}
	}
	var out struct {
		Expires time.Time `json:"expires"`
	}
	if err := c.call(ctx, http.MethodPost, f.path()+":opt-in", in, &out); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, out)
	}
	_, err = fmt.Fprintf(s.out, "asked; the link in the mail works once, until %s\n", out.Expires.UTC().Format(time.RFC3339))
	return err
}

type optInStatusCmd struct {
	contactFlags
	formatFlag
}

// askedFor is what came of asking for one purpose, by the newest request.
type askedFor struct {
	Purpose   string     `json:"purpose"`
	Version   uint32     `json:"version"`
	Requested time.Time  `json:"requested"`
	Expires   *time.Time `json:"expires,omitempty"` // the link; nothing in entries of before it was kept
	Confirmed *time.Time `json:"confirmed,omitempty"`
	State     string     `json:"state"` // of the purpose's newest entry
}

// Run shows what came of it.
func (f *optInStatusCmd) Run(ctx context.Context, s streams) error {
	contact, entries, err := f.history(ctx, s)
	if err != nil {
		return err
	}
	asked := whatCameOfIt(entries)
	if f.Format == "JSON" {
		return writeJSON(s.out, map[string]any{"contact": contact, "optins": asked})
	}
	return printAsked(s.out, contact, asked, time.Now())
}

// confirmed is the channel of a grant that the person gave on the link's page.
const confirmed = "confirm"

func whatCameOfIt(entries []shownEntry) []askedFor {
	asked := []askedFor{}
	place := map[string]int{}
	for _, e := range entries {
		i, known := place[e.Purpose]
		if e.State == "requested" {
			if !known {
				i, place[e.Purpose] = len(asked), len(asked)
				asked = append(asked, askedFor{})
			}
			asked[i] = askedFor{Purpose: e.Purpose, Version: e.Version, Requested: e.Time, Expires: e.Expires, State: e.State}
			continue
		}
		if !known {
			continue
		}
		asked[i].State = e.State
		if e.Channel == confirmed {
			at := e.Time
			asked[i].Confirmed = &at
		}
	}
	return asked
}

// answer says when it was confirmed, or until when it can be.
func (a *askedFor) answer(now time.Time) string {
	switch {
	case a.Confirmed != nil:
		return a.Confirmed.UTC().Format(time.RFC3339)
	case a.Expires == nil:
		return "not yet"
	case now.Before(*a.Expires):
		return "not yet, the link works until " + a.Expires.UTC().Format(time.RFC3339)
	default:
		return "never, the link expired at " + a.Expires.UTC().Format(time.RFC3339)
	}
}

func printAsked(out io.Writer, contact string, asked []askedFor, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	if len(asked) == 0 {
		p("%s was never asked to confirm a consent", contact)
		return w.Flush()
	}
	p("contact\t%s", contact)
	p("")
	p("purpose\tversion\trequested\tconfirmed\tstate now")
	for _, a := range asked {
		p("%s\t%d\t%s\t%s\t%s", a.Purpose, a.Version, a.Requested.UTC().Format(time.RFC3339), a.answer(now), a.State)
	}
	return w.Flush()
}
