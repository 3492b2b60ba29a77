package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report prints the tables and writes them to the results' file.
func (p *plan) report(known map[string]figures) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# The table of events, %s\n\n%s\n\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), machine())
	fmt.Fprintf(&b, "%d events of %d visitors by Zipf's law over %d days, inserts of %d events, one thread, the embedded engine with fsync.\n"+
		"Fresh: after the inserts, before any merge. Merged: one part for each partition. CPU: seconds of the engine's processor time for a million events.\n\n",
		p.shape.Rows, p.shape.Visitors, p.shape.Days, p.shape.Batch)
	list := p.measured(known)
	sizeTable(&b, list)
	readTable(&b, list)
	for _, f := range list {
		if f.Name == chosen {
			paceTable(&b, f.Pace)
			columnTable(&b, f)
		}
	}
	if _, err := os.Stdout.WriteString(b.String()); err != nil {
		return err
	}
	if p.results == "" {
		return nil
	}
	return os.WriteFile(p.results, []byte(b.String()), 0o644) //nolint:gosec // a report for everyone
}

// measured are the figures in the order of the variants.
func (p *plan) measured(known map[string]figures) []figures {
	var out []figures
	for _, v := range variants {
		if f, ok := known[v.Name]; ok {
			out = append(out, f)
		}
	}
	return out
}

func sizeTable(b *strings.Builder, list []figures) {
	b.WriteString("| variant | fresh B | merged B | merged without ids B | indexes B | insert s | insert CPU s | merge CPU s | parts fresh |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, f := range list {
		insert, merge := f.Insert.perMillion(f.Fresh.Rows), f.Merge.perMillion(f.Fresh.Rows)
		fmt.Fprintf(b, "| %s | %.1f | %.1f | %.1f | %.2f | %.2f | %.2f | %.2f | %d |\n", f.Name, f.Fresh.perRow(f.Fresh.Bytes), f.Merged.perRow(f.Merged.Bytes),
			f.Merged.withoutIDs(), f.Merged.perRow(f.Merged.Indexes), insert.Seconds, insert.CPU, merge.CPU, f.Fresh.Parts)
	}
	b.WriteString("\n")
}

func readTable(b *strings.Builder, list []figures) {
	var names []string
	for _, q := range append((shape{Visitors: 1, Rows: 1}).reads(), append(deletes(shape{}), purges(shape{})...)...) {
		if slices.ContainsFunc(list, func(f figures) bool { _, ok := f.Reads[q.Name]; return ok }) {
			names = append(names, q.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "Milliseconds: first / median of %d (rows).\n\n| variant | %s |\n|%s\n", repeats, strings.Join(names, " | "), strings.Repeat(" --- |", len(names)+1))
	for _, f := range list {
		if len(f.Reads) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %s |", f.Name)
		for _, name := range names {
			t, ok := f.Reads[name]
			if !ok {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(b, " %.0f / %.0f (%s) |", t.First*1000, t.Median*1000, t.Read)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func paceTable(b *strings.Builder, paces []pace) {
	if len(paces) == 0 {
		return
	}
	fmt.Fprintf(b, "Parts of one partition while inserts follow each other without a pause (inserts are delayed from %d parts on):\n\n"+
		"| events of an insert | inserts | inserts a second | most parts | parts at rest |\n| --- | --- | --- | --- | --- |\n", paces[0].Limit)
	for _, p := range paces {
		fmt.Fprintf(b, "| %d | %d | %.1f | %d | %d |\n", p.Batch, p.Inserts, float64(p.Inserts)/p.Seconds, p.MostParts, p.Settled)
	}
	b.WriteString("\n")
}

func columnTable(b *strings.Builder, f figures) {
	names := make([]string, 0, len(f.Merged.Columns))
	for name := range f.Merged.Columns {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return int(f.Merged.Columns[y]) - int(f.Merged.Columns[x]) })
	b.WriteString("Bytes an event of the chosen table by column:\n\n| column | fresh | merged |\n| --- | --- | --- |\n")
	for _, name := range names {
		fmt.Fprintf(b, "| %s | %.2f | %.2f |\n", name, f.Fresh.perRow(f.Fresh.Columns[name]), f.Merged.perRow(f.Merged.Columns[name]))
	}
	fmt.Fprintf(b, "| marks | %.2f | %.2f |\n| primary key | %.3f | %.3f |\n", f.Fresh.perRow(f.Fresh.Marks), f.Merged.perRow(f.Merged.Marks),
		f.Fresh.perRow(f.Fresh.Primary), f.Merged.perRow(f.Merged.Primary))
}

// machine is one line about what was measured on.
func machine() string {
	model, load := "unknown processor", "unknown"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s, load %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}
