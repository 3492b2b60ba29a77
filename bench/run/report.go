package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// report is a page of Markdown under construction. What is added is printed at
// once too, so that a long run shows how far it is.
type report struct {
	text strings.Builder
}

func (r *report) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	r.text.WriteString(line)
	fmt.Print(line)
}

// row adds a line of a table.
func (r *report) row(cells ...string) { r.add("| %s |\n", strings.Join(cells, " | ")) }

// head adds the head of a table; the first column is text, the others numbers.
func (r *report) head(cells ...string) {
	r.add("\n")
	r.row(cells...)
	rule := make([]string, len(cells))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	r.row(rule...)
}

// path is where a file of this run is kept.
func (o options) path(suffix string) string {
	return filepath.Join(o.results, time.Now().UTC().Format("2006-01-02")+"-"+o.name+suffix)
}

// write keeps the report.
func (r *report) write(o options) error {
	if o.results == "" {
		return nil
	}
	if err := os.MkdirAll(o.results, 0o755); err != nil { //nolint:gosec // reports are for everyone
		return fmt.Errorf("make the folder of results: %w", err)
	}
	if err := os.WriteFile(o.path(".md"), []byte(r.text.String()), 0o644); err != nil { //nolint:gosec // a report is for everyone
		return fmt.Errorf("write the report: %w", err)
	}
	fmt.Printf("\nwritten to %s\n", o.path(".md"))
	return nil
}

// median returns the middle one of what f gives for each round.
func median(rounds []measured, f func(measured) float64) float64 {
	if len(rounds) == 0 {
		return 0
	}
	var all []float64
	for _, m := range rounds {
		all = append(all, f(m))
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// medianTime is median for times.
func medianTime(rounds []measured, f func(measured) time.Duration) time.Duration {
	return time.Duration(median(rounds, func(m measured) float64 { return float64(f(m)) }))
}

func most[T int64 | time.Duration](rounds []measured, f func(measured) T) (highest T) {
	for _, m := range rounds {
		highest = max(highest, f(m))
	}
	return highest
}

// thousands writes a number in groups of three digits.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func micros(f float64) string { return fmt.Sprintf("%.2f", f) }

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

func mebi(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }
