package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // to be looked at this working day
	Problem Level = "problem" // something is lost, late or open to others
	Skipped Level = "skipped" // could not be looked at, as is said
	Failed  Level = "failed"  // looking failed
)

// Finding is one thing that was found, in words that name nobody.
type Finding struct {
	Check   string `json:"check"`
	Level   Level  `json:"level"`
	What    string `json:"what"`
	Why     string `json:"why,omitempty"`     // it matters
	Do      string `json:"do,omitempty"`      // about it, with the command
	Runbook string `json:"runbook,omitempty"` // name of the alert that its page is of
}

// Report is what all checks found.
type Report struct {
	At       time.Time `json:"at"`
	Version  string    `json:"version"`
	Healthy  bool      `json:"healthy"` // no problem, and nothing failed
	Findings []Finding `json:"findings"`
}

// Check is one thing to look at. Its findings without a name get its own; none
// means that all is well.
type Check struct {
	Name string
	Look func(ctx context.Context) []Finding
}

// The exit codes of a report.
const (
	CodeHealthy = 0
	CodeProblem = 1
	CodeFailed  = 3 // no problem was found, and a check failed to look
)

// Run makes all checks beside each other, none longer than each, and tells of them
// in their order. A check that does not end by itself is left behind.
func Run(ctx context.Context, checks []Check, each time.Duration) Report {
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i := range checks {
		all.Go(func() { found[i] = checks[i].run(ctx, each) })
	}
	all.Wait()
	r := Report{At: time.Now().UTC().Truncate(time.Second), Healthy: true}
	for _, list := range found {
		for _, f := range list {
			r.Findings = append(r.Findings, f)
			r.Healthy = r.Healthy && f.Level != Problem && f.Level != Failed
		}
	}
	return r
}

func (c *Check) run(ctx context.Context, within time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	done := make(chan []Finding, 1)
	go func() { done <- c.Look(ctx) }()
	var list []Finding
	select {
	case list = <-done:
	case <-ctx.Done():
		select {
		case list = <-done: // it ended with its time, and says so itself
		case <-time.After(within / 10):
			list = []Finding{{Level: Failed, What: fmt.Sprintf("it took longer than %s", within), Do: "run it again with a longer time: `zgoda doctor --timeout 30s`; if it stays so, what it looks at hangs"}}
		}
	}
	if len(list) == 0 {
		list = []Finding{{Level: OK, What: "nothing is wrong"}}
	}
	for i := range list {
		if list[i].Check == "" {
			list[i].Check = c.Name
		}
	}
	return list
}

// Code is the exit code: a problem beats a check that failed.
func (r *Report) Code() int {
	code := CodeHealthy
	for _, f := range r.Findings {
		switch f.Level {
		case Problem:
			return CodeProblem
		case Failed:
			code = CodeFailed
		case OK, Warning, Skipped:
		}
	}
	return code
}

// Text writes a block for each finding and a line that sums up.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	count := map[Level]int{}
	for _, f := range r.Findings {
		count[f.Level]++
		fmt.Fprintf(&b, "%-7s %s: %s\n", strings.ToUpper(string(f.Level)), f.Check, line(f.What))
		if f.Why != "" {
			fmt.Fprintf(&b, "  why: %s\n", line(f.Why))
		}
		if f.Do != "" {
			fmt.Fprintf(&b, "  do: %s\n", line(f.Do))
		}
		if f.Runbook != "" {
			fmt.Fprintf(&b, "  more: docs/runbooks/%s.md\n", f.Runbook)
		}
	}
	fmt.Fprintf(&b, "\nproblems %d, warnings %d, failed %d, skipped %d, ok %d\n", count[Problem], count[Warning], count[Failed], count[Skipped], count[OK])
	_, err := io.WriteString(w, b.String())
	return err
}

// line keeps a text on its line: what others said cannot make a finding up.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

func skipped(what string) []Finding { return []Finding{{Level: Skipped, What: what}} }

func failed(what string, err error) []Finding {
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) || strings.HasSuffix(text, context.DeadlineExceeded.Error()) { // gRPC has words of its own
		text = "no answer in time"
	}
	return []Finding{{
		Level: Failed, What: what + ": " + text, Why: "nothing can be said of it: it may be well or not",
		Do: "mend what the check `process` or `files` says of it, and look again; a slow machine is given longer: `zgoda doctor --timeout 30s`",
	}}
}
