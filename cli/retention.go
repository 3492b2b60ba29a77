package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"zgoda/retention"
)

type retentionCmd struct {
	Show retentionShowCmd `cmd:"" help:"Show the report of the last run of retention."`
	Run  retentionRunCmd  `cmd:"" help:"Make a run now and show its report."`
}

type retentionShowCmd struct {
	dataFlag
	Format string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

type retentionBody struct{ Report *retention.RunReport }

// Run shows the last report.
func (c *retentionShowCmd) Run(ctx context.Context, s streams) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	var body retentionBody
	if err := client.call(ctx, http.MethodGet, "/retention", nil, &body); err != nil {
		return err
	}
	return printRetention(s.out, body.Report, c.Format)
}

type retentionRunCmd struct {
	retentionShowCmd
	Wait time.Duration `help:"how long to wait for its end, default ${default}" default:"30m"`
}

// Run makes a run and waits for its end.
func (c *retentionRunCmd) Run(ctx context.Context, s streams) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	var before retentionBody
	if err := client.call(ctx, http.MethodGet, "/retention", nil, &before); err != nil {
		return err
	}
	if err := client.call(ctx, http.MethodPost, "/retention:run", nil, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	for {
		var now retentionBody
		if err := client.call(ctx, http.MethodGet, "/retention", nil, &now); err != nil {
			return err
		}
		if r := now.Report; r != nil && (before.Report == nil || r.At.After(before.Report.At)) {
			if err := printRetention(s.out, r, c.Format); err != nil {
				return err
			}
			if !r.Whole() {
				return errors.New("a part of the run failed")
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the run is not over yet: zgoda retention show tells of it")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func printRetention(out io.Writer, r *retention.RunReport, format string) error {
	if format == "JSON" {
		return writeJSON(out, r)
	}
	var b bytes.Buffer
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	if r == nil {
		line("no run has been made yet")
		_, err := out.Write(b.Bytes())
		return err
	}
	line("run of %s", r.At.Format(time.RFC3339))
	for _, p := range r.Stamps {
		line("%s %s: rows are kept for %s (before: %s)", p.Site, p.Purpose, p.To, cmp.Or(p.From, "not known"))
	}
	for _, site := range slices.Sorted(maps.Keys(r.Unmarked)) {
		line("%s: purposes whose time is over were taken from %d rows that others keep", site, r.Unmarked[site])
	}
	line("contacts not seen for too long: %d, being erased: %d", r.Idle, r.Opened)
	for _, why := range slices.Sorted(maps.Keys(r.Kept)) {
		line("kept, %s: %d", why, r.Kept[why])
	}
	if r.More {
		line("there may be more, for the next run")
	}
	for _, site := range slices.Sorted(maps.Keys(r.Past)) {
		line("past retention: site %s has %d rows, the first since %s", site, r.Past[site].Rows, r.Past[site].Oldest.Format(time.DateOnly))
	}
	for _, f := range r.Failed {
		line("failed: %s", f)
	}
	_, err := out.Write(b.Bytes())
	return err
}
