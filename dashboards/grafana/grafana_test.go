package grafana

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/dashboards"
)

// TestFilesAreCurrent: what is committed is what the values say, and nothing else
// lies beside it.
func TestFilesAreCurrent(t *testing.T) {
	fresh, kept := t.TempDir(), filepath.Join("..", "json")
	if err := Write(fresh); err != nil {
		t.Fatal(err)
	}
	for _, d := range dashboards.All() {
		want, err := os.ReadFile(filepath.Join(fresh, d.UID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(kept, d.UID+".json"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s.json is not what the values say (%v): go generate ./dashboards", d.UID, err)
		}
	}
	files, err := os.ReadDir(kept)
	if err != nil || len(files) != len(dashboards.All()) {
		t.Errorf("%d files for %d dashboards (%v)", len(files), len(dashboards.All()), err)
	}
}

type readPanel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Place       struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Targets []struct {
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
		RefID  string `json:"refId"`
	} `json:"targets"`
	Config struct {
		Defaults struct {
			Unit       string `json:"unit"`
			Thresholds struct {
				Steps []struct {
					Value *float64 `json:"value"`
					Color string   `json:"color"`
				} `json:"steps"`
			} `json:"thresholds"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

// TestEveryPanelIsWholeInGrafana reads the JSON as Grafana does: each panel has an
// id and a place of its own, a title, a description, a unit, thresholds and queries.
func TestEveryPanelIsWholeInGrafana(t *testing.T) {
	for _, d := range dashboards.All() {
		out, err := Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			UID    string      `json:"uid"`
			Panels []readPanel `json:"panels"`
		}
		if err := json.Unmarshal(out, &read); err != nil || read.UID != d.UID {
			t.Fatalf("%s: %q, %v", d.UID, read.UID, err)
		}
		if want := len(d.Panels()) + len(d.Rows); len(read.Panels) != want {
			t.Errorf("%s: %d panels and rows, want %d", d.UID, len(read.Panels), want)
		}
		taken := map[[2]int]string{}
		for i, p := range read.Panels {
			if p.ID != i+1 {
				t.Errorf("%s: %q has the id %d, want %d", d.UID, p.Title, p.ID, i+1)
			}
			for x := p.Place.X; x < p.Place.X+p.Place.W; x++ {
				for y := p.Place.Y; y < p.Place.Y+p.Place.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x > 23 {
						t.Fatalf("%s: %q lies over %q at %d, %d", d.UID, p.Title, other, x, y)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type != "row" {
				checkPanel(t, d.UID, p)
			}
		}
	}
}

func checkPanel(t *testing.T, uid string, p readPanel) {
	t.Helper()
	steps := p.Config.Defaults.Thresholds.Steps
	if p.Title == "" || p.Description == "" || p.Config.Defaults.Unit == "" || len(steps) == 0 || steps[0].Value != nil || len(p.Targets) == 0 {
		t.Errorf("%s: %q lacks something: %+v", uid, p.Title, p)
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if q.Expr == "" || q.Legend == "" || refs[q.RefID] {
			t.Errorf("%s: %q asks %+v", uid, p.Title, q)
		}
		refs[q.RefID] = true
		if strings.Contains(q.Expr, "$range") {
			t.Errorf("%s: %q: Grafana knows no $range: %s", uid, p.Title, q.Expr)
		}
	}
}
