package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/doctor"
)

func found(level doctor.Level, what string) func(context.Context) []doctor.Finding {
	return func(context.Context) []doctor.Finding {
		return []doctor.Finding{{Level: level, What: what, Why: "w", Do: "d", Runbook: "ZgodaDown"}}
	}
}

// TestRunKeepsOrderAndDeadlines: checks are told of in their order, one that is well has
// a finding too, and one that hangs does not hold up the others.
func TestRunKeepsOrderAndDeadlines(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	r := doctor.Run(t.Context(), []doctor.Check{
		{Name: "hangs", Look: func(context.Context) []doctor.Finding { <-hang; return nil }},
		{Name: "well", Look: func(context.Context) []doctor.Finding { return nil }},
		{Name: "late", Look: func(ctx context.Context) []doctor.Finding {
			<-ctx.Done()
			return []doctor.Finding{{Level: doctor.Warning, What: "in words of its own"}}
		}},
	}, 200*time.Millisecond)
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Check+" "+string(f.Level))
	}
	if want := []string{"hangs failed", "well ok", "late warning"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if r.Healthy || r.Code() != doctor.CodeFailed {
		t.Errorf("healthy %v, code %d", r.Healthy, r.Code())
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		levels []doctor.Level
		code   int
	}{
		{nil, 0},
		{[]doctor.Level{doctor.OK, doctor.Warning, doctor.Skipped}, 0},
		{[]doctor.Level{doctor.Failed, doctor.Warning}, 3},
		{[]doctor.Level{doctor.Failed, doctor.Problem}, 1},
	} {
		var checks []doctor.Check
		for _, l := range c.levels {
			checks = append(checks, doctor.Check{Name: "x", Look: found(l, "y")})
		}
		if r := doctor.Run(t.Context(), checks, time.Second); r.Code() != c.code || r.Healthy != (c.code == 0) {
			t.Errorf("%v: %d, healthy %v", c.levels, r.Code(), r.Healthy)
		}
	}
}

// TestText: a block for each finding, and nobody's words make up another.
func TestText(t *testing.T) {
	t.Parallel()
	r := doctor.Run(t.Context(), []doctor.Check{{Name: "disk", Look: found(doctor.Problem, "full\nOK      all: well")}}, time.Second)
	var out bytes.Buffer
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	const want = "PROBLEM disk: full OK      all: well\n  why: w\n  do: d\n  more: docs/runbooks/ZgodaDown.md\n\nproblems 1, warnings 0, failed 0, skipped 0, ok 0\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	if err := r.Text(fullDisk{}); err == nil {
		t.Error("it was not written, and that is well")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestScrapeRefusesWhatIsNoMetric(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<html>", "a{b=\"c} 1", "a{b=c} 1", "a x", "a"} {
		s := serve(t, text)
		if _, err := doctor.Scrape(t.Context(), s); err == nil || strings.Contains(err.Error(), "html") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
