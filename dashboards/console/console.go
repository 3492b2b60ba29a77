package console

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"zgoda/dashboards"
)

var (
	//go:embed page.tmpl
	page string
	//go:embed zgoda.lib
	library string
	//go:embed style.css
	style string
	//go:embed graph.js
	script string
)

// Write writes the page of the overview and its library below a folder, into
// consoles and console_libraries.
func Write(folder string) error {
	d := dashboards.Overview()
	out, err := Page(d)
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{
		filepath.Join("consoles", d.UID+".html"):        out,
		filepath.Join("console_libraries", "zgoda.lib"): Library(),
	} {
		if err := os.WriteFile(filepath.Join(folder, path), content, 0o644); err != nil { //nolint:gosec // it is for everybody
			return fmt.Errorf("write the console: %w", err)
		}
	}
	return nil
}

// Library is the head and the foot of a page and how values are written.
func Library() []byte {
	return []byte(strings.NewReplacer("<<style>>", strings.TrimSpace(style), "<<script>>", strings.TrimSpace(script)).Replace(library))
}

// Page is a dashboard as a template that Prometheus fills in. It has no heat maps,
// no stacked lines and bars of parts only.
func Page(d dashboards.Dashboard) ([]byte, error) {
	for _, p := range d.Panels() {
		if err := fits(p); err != nil {
			return nil, fmt.Errorf("console of %s: panel %q: %w", d.UID, p.Title, err)
		}
	}
	var out bytes.Buffer
	t := template.Must(template.New("page").Delims("<<", ">>").Funcs(template.FuncMap{
		"text": html.EscapeString, "quote": strconv.Quote, "plain": plain, "asks": asks, "level": level, "value": value, "legend": legend, "graph": graph, "id": id, "column": column, "heading": heading,
		"stat":  func(p dashboards.Panel) bool { return p.Kind == dashboards.Stat },
		"bars":  func(p dashboards.Panel) bool { return p.Kind == dashboards.Bars },
		"table": func(p dashboards.Panel) bool { return p.Kind == dashboards.Table },
	}).Parse(page))
	if err := t.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("console of %s: %w", d.UID, err)
	}
	return out.Bytes(), nil
}

func fits(p dashboards.Panel) error {
	switch p.Kind {
	case dashboards.Graph:
		if p.Stacked {
			return fmt.Errorf("its lines are stacked")
		}
		return nil
	case dashboards.Bars:
		if p.Unit != dashboards.Ratio {
			return fmt.Errorf("its bars are not parts")
		}
	case dashboards.Stat, dashboards.Table:
	case dashboards.Heatmap:
		return fmt.Errorf("a heat map")
	}
	if len(p.Queries) != 1 {
		return fmt.Errorf("%d queries where one is shown", len(p.Queries))
	}
	return nil
}

// asks is a query as an argument of the template's query function.
func asks(q dashboards.Query) string {
	const mark = "\x00"
	parts := strings.Split(dashboards.Expand(q.Expr, mark, "1m"), mark)
	return "(print `" + strings.Join(parts, "` $instance `") + "`)"
}

// level sets $level to the name of the level of $v.
func level(p dashboards.Panel) string {
	var out strings.Builder
	fmt.Fprintf(&out, "{{ $level := %q }}", p.Levels[0].Color)
	for _, l := range p.Levels[1:] {
		fmt.Fprintf(&out, "{{ if ge $v %s }}{{ $level = %q }}{{ end }}", float(l.From), l.Color)
	}
	return out.String()
}

// value writes $v in the panel's unit, or by its word.
func value(p dashboards.Panel) string {
	plain := `{{ template "zgoda_unit_` + string(p.Unit) + `" $v }}`
	if len(p.Words) == 0 {
		return plain
	}
	var known []int
	for n := range p.Words {
		known = append(known, n)
	}
	slices.Sort(known)
	var out strings.Builder
	for i, n := range known {
		word := "{{ else if"
		if i == 0 {
			word = "{{ if"
		}
		fmt.Fprintf(&out, "%s eq $v %s }}%s", word, float(float64(n)), html.EscapeString(p.Words[n]))
	}
	return out.String() + "{{ else }}" + plain + "{{ end }}"
}

// float writes a number that a template takes for one with a fraction.
func float(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

func legend(q dashboards.Query) string {
	return placeholder.ReplaceAllString(html.EscapeString(q.Legend), "{{ .Labels.$1 }}")
}

func plain(q dashboards.Query) string {
	return placeholder.ReplaceAllString(html.EscapeString(q.Legend), "by $1")
}

// column is a label's value, or that of the series by its level.
func column(p dashboards.Panel, name string) string {
	if name == "Value" {
		return `{{ template "zgoda_level" $level }}` + value(p)
	}
	return "{{ .Labels." + name + " }}"
}

func heading(name string) string {
	if name == "Value" {
		return "state"
	}
	return html.EscapeString(name)
}

// graph is what the script needs to draw a panel, as an attribute. Braces are
// escaped: they are the template's.
func graph(p dashboards.Panel) (string, error) {
	type query struct {
		Expr   string `json:"expr"`
		Legend string `json:"legend"`
	}
	type line struct {
		From  float64 `json:"from"`
		Color string  `json:"color"`
	}
	g := struct {
		Title   string   `json:"title"`
		Unit    string   `json:"unit"`
		Empty   string   `json:"empty"`
		Min     *float64 `json:"min,omitempty"`
		Max     *float64 `json:"max,omitempty"`
		Queries []query  `json:"queries"`
		Lines   []line   `json:"lines"`
	}{Title: p.Title, Unit: string(p.Unit), Empty: p.Empty, Min: p.Min, Max: p.Max}
	for _, q := range p.Queries {
		g.Queries = append(g.Queries, query{brackets(q.Expr), brackets(q.Legend)})
	}
	for _, l := range p.Levels[1:] {
		g.Lines = append(g.Lines, line{l.From, l.Color})
	}
	out, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("write the graph: %w", err)
	}
	return html.EscapeString(strings.NewReplacer("\x01", `\u007b`, "\x02", `\u007d`, `\u0001`, `\u007b`, `\u0002`, `\u007d`).Replace(string(out))), nil
}

func brackets(s string) string { return strings.NewReplacer("{", "\x01", "}", "\x02").Replace(s) }

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

func id(title string) string {
	return strings.Trim(notPlain.ReplaceAllString(strings.ToLower(title), "-"), "-")
}
