package rules

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// Severity is whom an alert is for.
type Severity string

// The severities; there is no other.
const (
	Critical Severity = "critical" // wake somebody
	Warning  Severity = "warning"  // somebody looks at it this working day
)

// Alert is one alerting rule. Rules of one name are one trouble that is worse or
// less bad; they never fire beside each other.
type Alert struct {
	Name     string
	Severity Severity
	Expr     string
	For      time.Duration
	Explains []string // names of the objectives that it is a cause for
	SLO      string   // the objective whose budget it watches; empty: it is a cause

	Summary, Description string // templates of Prometheus

	// Empty says why series that Expr reads may be missing in a healthy system.
	Empty string
}

// Recording is one recording rule.
type Recording struct {
	Record, Expr string
	Labels       map[string]string

	// Empty says why it may have no value in a healthy system.
	Empty string
}

// Runbook is the page about the alert, from the root of the project.
func (a *Alert) Runbook() string { return "docs/runbooks/" + a.Name + ".md" }

// Alerts returns all of them in the order of the file: causes before budgets.
func Alerts() []Alert {
	return slices.Concat(processAlerts(), spoolAlerts(), clickhouseAlerts(), keyholderAlerts(), rightsAlerts(), []Alert{notReadyAlert()}, budgetAlerts())
}

// Names returns the names of all alerts, each once, in the order of the file: each
// has a page.
func Names() []string {
	var names []string
	for _, a := range Alerts() {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

var ours = regexp.MustCompile(`\bzgoda[_:][a-z0-9_:]+(\{[^}]*\})?|\bup\{[^}]*\}`)

// Selectors returns the series of ours that an expression reads, each once and
// sorted: an expression that compares has no value while all is well, but each of
// them has.
func Selectors(expr string) []string {
	found := map[string]bool{}
	for _, s := range ours.FindAllString(expr, -1) {
		found[s] = true
	}
	return slices.Sorted(maps.Keys(found))
}
