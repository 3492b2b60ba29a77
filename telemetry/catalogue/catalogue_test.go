package catalogue

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	goodName  = regexp.MustCompile(`^zgoda_[a-z][a-z0-9_]*[a-z0-9]$`)
	goodLabel = regexp.MustCompile(`^[a-z][a-z_]*$`)
)

func TestTablesAreWhole(t *testing.T) {
	seen := map[Process]map[string]bool{Gateway: {}, Keyholder: {}}
	for _, m := range All() {
		if seen[m.Process][m.Name] {
			t.Errorf("%s stands twice", m.Name)
		}
		seen[m.Process][m.Name] = true
		if !goodName.MatchString(m.Name) || !strings.HasSuffix(m.Help, ".") || strings.Contains(m.Help, "\n") {
			t.Errorf("%s: name or help %q", m.Name, m.Help)
		}
		if (m.Type == Counter) != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}
		if !slices.Contains(Groups, m.Group) {
			t.Errorf("%s is of no group: %q", m.Name, m.Group)
		}
		if (m.Type == Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s: buckets %v", m.Name, m.Buckets)
		}
		checkLabels(t, m)
	}
}

func checkLabels(t *testing.T, m Metric) {
	t.Helper()
	for _, l := range m.Labels {
		if !goodLabel.MatchString(l.Name) || (len(l.Values) == 0) == (l.Bound == 0) {
			t.Errorf("%s: label %q has values or a bound", m.Name, l.Name)
		}
		if sorted := slices.Sorted(slices.Values(l.Values)); len(slices.Compact(sorted)) != len(l.Values) {
			t.Errorf("%s: a value of %s stands twice", m.Name, l.Name)
		}
	}
}

func TestPromisedEdges(t *testing.T) {
	for name, edge := range map[string]float64{
		"zgoda_withdrawal_to_enforced_seconds":           1,
		"zgoda_withdrawal_to_enforced_elsewhere_seconds": 1,
		"zgoda_writer_delay_seconds":                     10,
	} {
		if m, ok := Find(name); !ok || !slices.Contains(m.Buckets, edge) {
			t.Errorf("%s has no edge at %v: a promise is counted there", name, edge)
		}
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"zgoda_spool_bytes":                 "zgoda_spool_bytes",
		"zgoda_spool_commit_seconds_bucket": "zgoda_spool_commit_seconds",
		"zgoda_spool_commit_seconds_count":  "zgoda_spool_commit_seconds",
		"zgoda_spool_bytes_sum":             "",
		"zgoda_control":                     "",
	} {
		if m, ok := Find(name); m.Name != want || ok != (want != "") {
			t.Errorf("Find(%s): %q, %v", name, m.Name, ok)
		}
	}
	list := All()
	list[0] = Metric{}
	if All()[0].Name == "" {
		t.Error("a caller changed the list")
	}
	if m, _ := Find("zgoda_spool_limit_bytes"); m.Unit != "bytes" || m.Process != Gateway || m.Group != "spool" {
		t.Errorf("%+v", m)
	}
}

// TestPageIsCurrent: docs/metrics.md is what the list says.
func TestPageIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, Markdown()) {
		t.Error("docs/metrics.md is not what the list says: run go generate ./telemetry/catalogue")
	}
	for _, m := range All() {
		if strings.Contains(m.Help+m.Note, "|") || m.Help == "" {
			t.Errorf("%s: %q cannot stand in a table", m.Name, m.Help+m.Note)
		}
	}
}
