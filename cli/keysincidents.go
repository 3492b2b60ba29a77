package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"zgoda/pseudonym/calls"
)

type keysIncidentsCmd struct{ keyholderFlags }

// Run lists the drafts of incidents, which are entries of the log of calls.
func (c *keysIncidentsCmd) Run(ctx context.Context, s streams) error {
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	from, to := io.Pipe()
	go func() { to.CloseWithError(client.Calls(ctx, 0, to)) }()
	drafts, err := calls.Drafts(from)
	_ = from.Close() // ends the call if there is more
	if err != nil {
		return err
	}
	return tellDrafts(s.out, drafts)
}

func tellDrafts(out io.Writer, drafts []calls.Draft) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ENTRY\tOPENED\tKIND\tROLE\tCALLER\tFACTS (a day before to a day after)")
	for _, d := range drafts {
		facts := make([]string, len(d.Facts))
		for i, f := range d.Facts {
			facts[i] = fmt.Sprintf("%s %d", f.Metric, f.Count)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", d.Number, d.Opened.UTC().Format(time.RFC3339), d.Kind, d.Role, d.Caller, strings.Join(facts, ", "))
	}
	return table.Flush()
}
