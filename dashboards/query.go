package dashboards

import (
	"fmt"
	"strconv"
	"strings"

	"zgoda/telemetry/catalogue"
)

// at is a gateway's metric, with further matchers.
func at(name string, matchers ...string) string {
	return name + "{" + strings.Join(append([]string{`instance=~"$instance"`}, matchers...), ",") + "}"
}

// kept is a keyholder's metric, with further matchers.
func kept(name string, matchers ...string) string {
	return name + "{" + strings.Join(append([]string{`instance=~"$keyholder"`}, matchers...), ",") + "}"
}

// by sums up over all labels but these.
func by(labels, expr string) string {
	if labels == "" {
		return "sum(" + expr + ")"
	}
	return "sum by (" + labels + ") (" + expr + ")"
}

// rate is how much a counter grows a second.
func rate(selector string) string { return "rate(" + selector + "[$range])" }

// each is the rate of a counter, summed up over all labels but these.
func each(labels, selector string) string { return by(labels, rate(selector)) }

// highest is the highest value that is told: what all gateways of a store tell
// of it is the same, and of their own the worst counts.
func highest(labels, expr string) string {
	if labels == "" {
		return "max(" + expr + ")"
	}
	return "max by (" + labels + ") (" + expr + ")"
}

// quantile is one of a classic histogram's, by labels.
func quantile(q float64, labels, selector string) string {
	name, rest, _ := strings.Cut(selector, "{")
	groups := "le"
	if labels != "" {
		groups += ", " + labels
	}
	return fmt.Sprintf("histogram_quantile(%s, sum by (%s) (rate(%s_bucket{%s[$range])))",
		strconv.FormatFloat(q, 'g', -1, 64), groups, name, rest)
}

// buckets are the rates of a histogram's, for a heat map.
func buckets(selector string) string {
	name, rest, _ := strings.Cut(selector, "{")
	return "sum by (le) (rate(" + name + "_bucket{" + rest + "[$range]))"
}

// share is a part of a whole that has the same labels.
func share(part, whole string) string { return part + " / " + whole }

// ask is a query over time, askNow one of the newest value.
func ask(legend, expr string) Query    { return Query{Expr: expr, Legend: legend} }
func askNow(legend, expr string) Query { return Query{Expr: expr, Legend: legend, Instant: true} }

// upTo colours what is good while it is low: orange from warn on, red from bad on.
func upTo(warn, bad float64) []Level {
	return []Level{{Color: "green"}, {From: warn, Color: "orange"}, {From: bad, Color: "red"}}
}

// none colours what should not be there at all.
func none(bad float64) []Level { return []Level{{Color: "green"}, {From: bad, Color: "red"}} }

// atLeast colours what is good while it is high: red below bad, orange below warn.
func atLeast(bad, warn float64) []Level {
	return []Level{{Color: "red"}, {From: bad, Color: "orange"}, {From: warn, Color: "green"}}
}

// anyValue is for what has no value that is too much.
func anyValue() []Level { return []Level{{Color: "blue"}} }

func number(n float64) *float64 { return new(n) }

// checkQuery refuses a query that is not whole: its brackets do not close, a
// variable is none of those that Expand knows, or it names a metric, a label or a
// value that there is none of.
func checkQuery(expr string) error {
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
			return fmt.Errorf("%s do not close in %s", pair, expr)
		}
	}
	plain := Expand(expr, ".*", "1m")
	if strings.Contains(plain, "$") {
		return fmt.Errorf("an unknown variable in %s", expr)
	}
	return catalogue.Check(plain)
}
