package rules

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Names of the files that Write makes, which prometheus.yml reads.
const (
	SLOFile    = "zgoda-slo.yml"
	AlertsFile = "zgoda-alerts.yml"
	ConfigFile = "prometheus.yml"
)

// The groups of rules in the order in which they have to be evaluated where it is one
// after the other, as promtool does: what a rule reads comes before it.
const (
	measures = "zgoda-slo"
	causes   = "zgoda-causes"
	budgets  = "zgoda-budgets"
)

// Groups returns the names of the groups in that order.
func Groups() []string { return []string{measures, causes, budgets} }

type file struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations yaml.MapSlice     `yaml:"annotations,omitempty"`
}

func (r *Recording) rule() rule { return rule{Record: r.Record, Expr: r.Expr, Labels: r.Labels} }

func (a *Alert) rule(runbooks string) rule {
	r := rule{Alert: a.Name, Expr: a.Expr, For: span(a.For), Labels: a.labels()}
	r.Annotations = yaml.MapSlice{
		{Key: "summary", Value: a.Summary},
		{Key: "description", Value: a.Description},
		{Key: "runbook_url", Value: runbooks + a.Runbook()},
	}
	return r
}

// labels are those that the rule adds. The list of what an alert explains has a comma
// at both of its ends, so that one name can be looked for.
func (a *Alert) labels() map[string]string {
	labels := map[string]string{"severity": string(a.Severity)}
	if a.SLO != "" {
		labels["slo"] = a.SLO
	}
	if len(a.Explains) > 0 {
		labels["explains"] = "," + strings.Join(a.Explains, ",") + ","
	}
	return labels
}

// span writes a time as Prometheus does; empty when it is none.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := strings.TrimSuffix(d.String(), "m0s")
	if s != d.String() {
		s += "m"
	}
	return strings.Replace(s, "h0m", "h", 1)
}

// SLORules returns the file of recording rules.
func SLORules() ([]byte, error) {
	g := group{Name: measures}
	for _, r := range Recordings() {
		g.Rules = append(g.Rules, r.rule())
	}
	return encode(file{[]group{g}})
}

// AlertRules returns the file of alerts. In front of the path of each runbook comes
// runbooks: nothing, or an address that ends in a slash.
func AlertRules(runbooks string) ([]byte, error) {
	first, last := group{Name: causes}, group{Name: budgets}
	for _, a := range Alerts() {
		if a.SLO != "" {
			last.Rules = append(last.Rules, a.rule(runbooks))
		} else {
			first.Rules = append(first.Rules, a.rule(runbooks))
		}
	}
	return encode(file{[]group{first, last}})
}

const made = "# Written by go generate ./dashboards; see docs/alerts.md.\n"

func encode(f file) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(made)
	err := yaml.NewEncoder(&b, yaml.UseLiteralStyleIfMultiline(true), yaml.IndentSequence(false)).Encode(f)
	if err != nil {
		return nil, fmt.Errorf("write the rules: %w", err)
	}
	return b.Bytes(), nil
}

// Write puts the rules and a sample configuration into the folder.
func Write(folder, runbooks string) error {
	slo, err := SLORules()
	if err != nil {
		return err
	}
	alerts, err := AlertRules(runbooks)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{SLOFile: slo, AlertsFile: alerts, ConfigFile: []byte(sample)} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil { //nolint:gosec // for everybody to read
			return fmt.Errorf("write the rules: %w", err)
		}
	}
	return nil
}

// sample is a configuration for one gateway and its keyholder on the machine itself.
const sample = made + `#
# For one system. Where one Prometheus watches several, give each its own: the rules
# tell of all gateways that they see as of one store.
#
# Native histograms stay off (--enable-feature=native-histograms): with them
# Prometheus 2.42 leaves out the classic form, which rules and dashboards ask for.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files:
- ` + SLOFile + `
- ` + AlertsFile + `

scrape_configs:
# The names of the jobs stand in the rules.
- job_name: zgoda
  static_configs:
  - targets: ["127.0.0.1:8082"] # the setting ops, of each gateway
- job_name: zgoda-keyholder
  static_configs:
  - targets: ["127.0.0.1:8083"] # the setting keyholder.metrics

# Severities are critical (wake somebody) and warning (this working day).
# alerting:
#   alertmanagers:
#   - static_configs:
#     - targets: ["127.0.0.1:9093"]
`
