package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"zgoda/event"
)

type guardianCmd struct {
	Record guardianRecordCmd `cmd:"" help:"Record a guardian's grant; makes the contact if need be. It lapses when the minor is old enough to agree alone."`
	List   guardianListCmd   `cmd:"" help:"List the grants that guardians gave for a contact."`
}

type guardianRecordCmd struct {
	contactFlags
	formatFlag
	Purpose  string `help:"the purpose's id" required:"" placeholder:"P"`
	Born     string `help:"the minor's date of birth, kept nowhere; - reads it from standard input, after the identifier" required:"" placeholder:"YYYY-MM-DD"`
	Country  string `help:"where the minor lives, for example SK; left out: not known, and the age of 16 counts" placeholder:"CC"`
	Verified string `help:"who the guardian is to the minor, and how that was verified; kept with the ledger entry; - reads it from standard input, after the date" required:"" placeholder:"TEXT"`
	Channel  string `help:"how the guardian said so, for example phone, paper, mail; default ${default}" default:"operator" placeholder:"C"`
}

// Run records a guardian's grant.
func (f *guardianRecordCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	in := map[string]any{"channel": f.Channel}
	if in["born"], err = given(s, f.Born, "date of birth"); err != nil {
		return err
	}
	if in["verified"], err = given(s, f.Verified, "verification"); err != nil {
		return err
	}
	if f.Country != "" {
		in["country"] = f.Country
	}
	contact, err := f.make(ctx, c, identifier)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := c.call(ctx, http.MethodPost, f.path(contact, "consents", f.Purpose)+":guardian", in, &raw); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return printJSON(s.out, raw)
	}
	var out struct {
		enforced
		Until string
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return errUnread
	}
	return out.print(s.out, f.Purpose+" granted by a guardian until "+out.Until)
}

type guardianListCmd struct {
	contactFlags
	formatFlag
}

// guardianGrant is one grant of a guardian.
type guardianGrant struct {
	Sequence event.Sequence `json:"sequence"`
	Time     time.Time      `json:"time"`
	Purpose  string         `json:"purpose"`
	Version  uint32         `json:"version"`
	Until    string         `json:"until,omitempty"`
	State    string         `json:"state"` // in_force, lapsed, or the state of what came after it
	Verified string         `json:"verified,omitempty"`
}

// Run lists them, the oldest first.
func (f *guardianListCmd) Run(ctx context.Context, s streams) error {
	contact, entries, err := f.history(ctx, s)
	if err != nil {
		return err
	}
	grants := guardianGrants(entries, time.Now().UTC().Format(time.DateOnly))
	if f.Format == "JSON" {
		return writeJSON(s.out, map[string]any{"contact": contact, "grants": grants})
	}
	return printGuardians(s.out, contact, grants)
}

// guardianGrants picks them out of a contact's entries; today is a date as 2006-01-02.
func guardianGrants(entries []shownEntry, today string) []guardianGrant {
	grants := []guardianGrant{}
	for i, e := range entries {
		if !e.Guardian {
			continue
		}
		g := guardianGrant{Sequence: e.Sequence, Time: e.Time, Purpose: e.Purpose, Version: e.Version, Until: e.Until, State: "in_force", Verified: e.Verified}
		if g.Until != "" && g.Until <= today {
			g.State = "lapsed"
		}
		for _, later := range entries[i+1:] {
			if later.Purpose == e.Purpose && later.State != "requested" {
				g.State = later.State
			}
		}
		grants = append(grants, g)
	}
	return grants
}

func printGuardians(out io.Writer, contact string, grants []guardianGrant) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	if len(grants) == 0 {
		p("no guardian granted anything for %s", contact)
		return w.Flush()
	}
	p("contact\t%s", contact)
	p("")
	p("sequence\ttime\tpurpose\tversion\tuntil\tstate\tverified")
	for _, g := range grants {
		p("%d\t%s\t%s\t%d\t%s\t%s\t%s", g.Sequence, g.Time.UTC().Format(time.RFC3339), g.Purpose, g.Version, g.Until, g.State, printable(g.Verified))
	}
	return w.Flush()
}
