package dashboards

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Unit is what a panel's numbers are, by the name that Grafana has for it.
type Unit string

// The units of panels.
const (
	Number   Unit = "short"
	Ratio    Unit = "percentunit" // 1 is 100 %
	Seconds  Unit = "s"
	Bytes    Unit = "bytes"
	Requests Unit = "reqps"
	Events   Unit = "ops" // or whatever else is counted, per second
	Days     Unit = "d"
	Plain    Unit = "none"
)

var units = []Unit{Number, Ratio, Seconds, Bytes, Requests, Events, Days, Plain}

// Level colours values from one on. The From of a panel's first level is ignored:
// it is what smaller values look like.
type Level struct {
	From  float64
	Color string // green, yellow, orange, red, blue
}

var colors = []string{"green", "yellow", "orange", "red", "blue"}

// Query is what a panel asks Prometheus. In Expr $instance stands for a regular
// expression of gateways, $keyholder for one of keyholders and $range for the
// span of a rate (see Expand).
type Query struct {
	Expr    string
	Legend  string // what a series is called, with {{label}} for a label's value
	Instant bool   // its newest value only
}

// Kind is the form of a panel.
type Kind uint8

// The forms of panels.
const (
	Stat    Kind = iota // one number, or one for each series
	Graph               // lines over time
	Bars                // one bar for each series, its newest value
	Table               // one row for each series, its newest value
	Heatmap             // the buckets of a histogram over time
)

// Panel shows the answers to its queries.
type Panel struct {
	Title, Description string
	Kind               Kind
	Unit               Unit
	Levels             []Level // two at least, or NoLimit says why none is bad
	NoLimit            string
	Queries            []Query
	Words              map[int]string // what single values are called: 1 is "ready"
	Columns            []string       // of a Table: the labels that are shown, and Value
	Stacked            bool           // of a Graph: the lines add up
	Empty              string         // why it may have no data on a healthy system; empty: it must have some under load
	Width              int            // of 24
	Min, Max           *float64
}

// Row is panels beside each other, as many as fit, under a title.
type Row struct {
	Title  string
	Panels []Panel
}

// Dashboard is one page.
type Dashboard struct {
	UID, Title, Description string
	Rows                    []Row
}

// Panels are those of all rows, in their order.
func (d Dashboard) Panels() []Panel {
	var all []Panel
	for _, r := range d.Rows {
		all = append(all, r.Panels...)
	}
	return all
}

// Expand fills in which gateways are asked for and over which span rates are
// taken. All keyholders are asked for.
func Expand(expr, instance, span string) string {
	return strings.NewReplacer("$instance", instance, "$keyholder", ".*", "$range", span).Replace(expr)
}

// Validate says what a dashboard lacks: each panel has a title, a description, a
// unit, levels and queries with legends, and each query names what there is.
func (d Dashboard) Validate() error {
	var errs []error
	if d.UID == "" || d.Title == "" || d.Description == "" || len(d.Rows) == 0 {
		errs = append(errs, fmt.Errorf("dashboard %q: uid, title, description and rows are needed", d.UID))
	}
	seen := map[string]bool{}
	for _, r := range d.Rows {
		if r.Title == "" || len(r.Panels) == 0 {
			errs = append(errs, fmt.Errorf("dashboard %q: a row without a title or panels", d.UID))
		}
		for _, p := range r.Panels {
			if seen[p.Title] {
				errs = append(errs, fmt.Errorf("dashboard %q: two panels are called %q", d.UID, p.Title))
			}
			seen[p.Title] = true
			if err := p.validate(); err != nil {
				errs = append(errs, fmt.Errorf("dashboard %q: panel %q: %w", d.UID, p.Title, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (p Panel) validate() error {
	var errs []error
	fault := func(bad bool, what string) {
		if bad {
			errs = append(errs, errors.New(what))
		}
	}
	fault(p.Title == "", "it has no title")
	fault(len(p.Description) < 30 || !strings.HasSuffix(p.Description, "."), "its description is not a sentence")
	fault(!slices.Contains(units, p.Unit), fmt.Sprintf("%q is no unit", p.Unit))
	fault(p.Width < 3 || p.Width > 24, "its width is not 3 to 24")
	fault(len(p.Levels) == 0, "it has no levels")
	fault((len(p.Levels) > 1) == (p.NoLimit != ""), "two levels or more, or else NoLimit says why")
	fault(!slices.IsSortedFunc(p.Levels[min(1, len(p.Levels)):], func(a, b Level) int { return int(a.From*1e6 - b.From*1e6) }), "its levels do not rise")
	for _, l := range p.Levels {
		fault(!slices.Contains(colors, l.Color), fmt.Sprintf("%q is no colour", l.Color))
	}
	fault((p.Kind == Table) != (len(p.Columns) > 0), "columns are for tables, which need them")
	fault(len(p.Queries) == 0, "it asks nothing")
	fault(p.Kind == Table && len(p.Queries) > 1, "a table asks one thing")
	for _, q := range p.Queries {
		fault(q.Legend == "", "a query without a legend")
		fault((p.Kind == Table || p.Kind == Bars) != q.Instant, "tables and bars ask for the newest value, the others do not")
		fault(strings.Contains(q.Expr, "histogram_quantile") && !strings.Contains(q.Expr, "_bucket"), "a quantile of other than a classic histogram")
		if err := checkQuery(q.Expr); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// All are the dashboards, in the order in which one looks.
func All() []Dashboard {
	return []Dashboard{Overview(), Privacy(), Pipeline(), Keys(), Capacity()}
}
