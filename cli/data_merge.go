package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"zgoda/event"
)

type dataMergeCmd struct {
	personFlags
	whyFlag
	Drop    string `help:"KIND:VALUE of the contact that becomes the other, or - to read it from standard input" required:"" placeholder:"KIND:VALUE"`
	Preview bool   `help:"only tell what it would be about"`
}

type shownPseudonym struct {
	Pseudonym string `json:"pseudonym"`
	Purpose   string `json:"purpose"`
	Period    uint32 `json:"period,omitempty"`
	Version   uint32 `json:"version,omitempty"`
}

// Run merges two contacts.
func (f *dataMergeCmd) Run(ctx context.Context, s streams) error {
	keep, err := f.who(s)
	if err != nil {
		return err
	}
	drop, err := given(s, f.Drop, "identifier")
	if err != nil {
		return err
	}
	if _, _, err := event.ParseIdentifier(drop); err != nil {
		return usageError{err.Error()}
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct {
		Contact, Dropped string
		Merged           bool
		Sequence         event.Sequence
		Grants           []string `json:"grants_not_carried"`
		Pseudonyms       []shownPseudonym
	}
	in := map[string]any{"keep": keep, "drop": map[string]string{"identifier": drop}, "reason": f.Reason, "preview": f.Preview}
	if err := c.call(ctx, http.MethodPost, f.path("merge"), in, &out); err != nil {
		return err
	}
	if !out.Merged {
		_, err = fmt.Fprintf(s.out, "%s would become %s, with %d pseudonyms; nothing was changed\n", out.Dropped, out.Contact, len(out.Pseudonyms))
		return err
	}
	if _, err := fmt.Fprintf(s.out, "%s is %s now: sequence %d\n", out.Dropped, out.Contact, out.Sequence); err != nil || len(out.Grants) == 0 {
		return err
	}
	_, err = fmt.Fprintf(s.out, "grants that were not carried over, ask again: %s\n", strings.Join(out.Grants, ", "))
	return err
}

type dataListCmd struct {
	dataFlag
	siteFlag
	reasonFlag
	Pseudonym []string `arg:"" help:"c_ and 26 letters, of any purpose"`
	JSON      bool     `name:"json" help:"print the answer as JSON"`
}

// Run tells whose pseudonyms they are.
func (f *dataListCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	in := map[string]any{"pseudonyms": f.Pseudonym}
	if f.Reason != "" {
		in["reason"] = f.Reason
	}
	var out struct {
		Contacts []struct {
			Asked      string           `json:"asked"`
			Contact    string           `json:"contact"`
			Pseudonyms []shownPseudonym `json:"pseudonyms"`
		} `json:"contacts"`
	}
	if err := c.call(ctx, http.MethodPost, f.path("list"), in, &out); err != nil {
		return err
	}
	if f.JSON {
		return writeJSON(s.out, out)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "asked\tcontact\tpurpose\tperiod\tpseudonym") // Flush returns the error
	for _, contact := range out.Contacts {
		for _, p := range contact.Pseudonyms {
			period := "-"
			if p.Period != 0 {
				period = fmt.Sprint(p.Period)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", contact.Asked, contact.Contact, p.Purpose, period, p.Pseudonym)
		}
	}
	return w.Flush()
}
