package grafana

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"zgoda/dashboards"
)

// strict reads a dashboard by the types that Grafana's own schemas are made into, with
// those of each panel's kind and of Prometheus' queries: a field that there is none of,
// a missing one, or a value out of its bounds is an error.
func strict(content []byte) error {
	var d dashboard.Dashboard
	errs := []error{d.UnmarshalJSONStrict(content), d.Validate()}
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue // a row
		}
		if _, known := cog.ConfigForPanelcfgVariant(p.Panel.Type); !known {
			errs = append(errs, errors.New("no such kind of panel: "+p.Panel.Type))
		}
	}
	return errors.Join(errs...)
}

// TestFilesAreOfGrafanasSchema: each committed file is a dashboard by Grafana's schemas,
// and what is spoilt in it is seen.
func TestFilesAreOfGrafanasSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for _, d := range dashboards.All() {
		content, err := os.ReadFile(filepath.Join("..", "json", d.UID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := strict(content); err != nil {
			t.Errorf("%s: %v", d.UID, err)
		}
	}
	content, err := os.ReadFile(filepath.Join("..", "json", "zgoda-pipeline.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, spoilt := range [][2]string{
		{`"title":`, `"titel":`},                               // no such field
		{`"gridPos":`, `"gridPosition":`},                      // of a panel
		{`"legendFormat":`, `"legend":`},                       // of a query
		{`"lineWidth":`, `"linewidth":`},                       // of a kind of panel
		{`"type": "timeseries",`, `"type": "timeseries-old",`}, // no such kind
		{`"schemaVersion": 42`, `"schemaVersion": "42"`},
		{`"w": 8`, `"w": 88`},
	} {
		text := string(content)
		if !strings.Contains(text, spoilt[0]) {
			t.Errorf("there is no %s to spoil", spoilt[0])
			continue
		}
		if strict([]byte(strings.ReplaceAll(text, spoilt[0], spoilt[1]))) == nil {
			t.Errorf("%s instead of %s is not seen", spoilt[1], spoilt[0])
		}
	}
}
