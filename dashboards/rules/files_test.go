package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zgoda/telemetry/catalogue"
)

const kept = "../prometheus"

// TestFilesAreCurrent: what is in the repository is what the rules say.
func TestFilesAreCurrent(t *testing.T) {
	folder := t.TempDir()
	if err := Write(folder, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{SLOFile, AlertsFile, ConfigFile} {
		want, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not current (%v): go generate ./dashboards", name, err)
		}
	}
}

// TestPrometheusTakesTheFiles: Debian's tool reads the sample configuration and all
// rules, with their templates.
func TestPrometheusTakesTheFiles(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "config", "--lint=all", "--lint-fatal", filepath.Join(kept, ConfigFile)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestNamesAreKnown: rules read only what the processes tell, by labels that it has,
// and what is recorded before them.
func TestNamesAreKnown(t *testing.T) {
	recorded := map[string]bool{}
	check := func(name, expr string) {
		if err := catalogue.Check(expr); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range Selectors(expr) {
			base, _, _ := strings.Cut(s, "{")
			if strings.HasPrefix(base, "zgoda:") && !recorded[base] {
				t.Errorf("%s reads %s, which is not recorded before it", name, base)
			}
		}
	}
	for _, r := range Recordings() {
		check(r.Record, r.Expr)
		recorded[r.Record] = true
	}
	alerts := Alerts()
	for i := range alerts {
		check(alerts[i].Name, alerts[i].Expr)
	}
}

var shown = regexp.MustCompile(`\{\{[^}]*\}\}`)

// TestAlertsAreWhole: each has what somebody needs who is woken by it, and shows
// nothing but labels of closed sets and numbers: it goes to pagers.
func TestAlertsAreWhole(t *testing.T) {
	templates := regexp.MustCompile(`^\{\{ (\$labels\.(instance|job|child|folder|disk|server|peer|what|why|limit|role|kind|right)|\$value \| humanize(Percentage|Duration)?) \}\}$`)
	alerts := Alerts()
	for i := range alerts {
		a := &alerts[i]
		if !strings.HasPrefix(a.Name, "Zgoda") || a.Summary == "" || a.Description == "" || a.Severity != Critical && a.Severity != Warning {
			t.Errorf("%s lacks something", a.Name)
		}
		for _, text := range []string{a.Summary, a.Description} {
			for _, tmpl := range shown.FindAllString(text, -1) {
				if !templates.MatchString(tmpl) {
					t.Errorf("%s shows %s", a.Name, tmpl)
				}
			}
		}
		for _, slo := range a.Explains {
			if budgetName(slo) == "" {
				t.Errorf("%s explains %q, which is no objective", a.Name, slo)
			}
		}
		if a.Severity == Warning && a.SLO == "" && len(a.Explains) > 0 && !strings.Contains(a.Expr, tooFast(a.Explains[0])) {
			t.Errorf("%s fires beside the critical alert of what it explains", a.Name)
		}
	}
}

func TestSelectors(t *testing.T) {
	got := Selectors(`sum(rate(zgoda_a_total{x=~"b|c"}[5m])) / (zgoda_b > 0) unless on () zgoda:c:ratio or up{job="zgoda"} == 0 or zgoda_b`)
	want := []string{`up{job="zgoda"}`, `zgoda:c:ratio`, `zgoda_a_total{x=~"b|c"}`, `zgoda_b`}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v", got)
	}
}
