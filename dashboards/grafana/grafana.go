package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"zgoda/dashboards"
)

// Write writes all dashboards into a folder, each to its uid and .json.
func Write(folder string) error {
	for _, d := range dashboards.All() {
		out, err := Marshal(d)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, d.UID+".json"), out, 0o644); err != nil { //nolint:gosec // it is for everybody
			return fmt.Errorf("write the dashboard: %w", err)
		}
	}
	return nil
}

// Marshal is one dashboard as Grafana imports it.
func Marshal(d dashboards.Dashboard) ([]byte, error) {
	b := dashboard.NewDashboardBuilder(d.Title).Uid(d.UID).Description(d.Description).Tags([]string{"zgoda"}).
		Editable().Refresh("30s").Time("now-3h", "now").Timezone(common.TimeZoneUtc).Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("Zgoda").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"zgoda"}).IncludeVars(true).KeepTime(true))
	for _, v := range variables() {
		b = b.WithVariable(v)
	}
	var id, y uint32
	for _, row := range d.Rows {
		id++
		b = b.WithRow(dashboard.NewRowBuilder(row.Title).Id(id).GridPos(dashboard.GridPos{H: 1, W: 24, Y: y}))
		y++
		var x, high uint32
		for _, p := range row.Panels {
			id++
			w := uint32(p.Width)
			if x+w > 24 {
				x, y, high = 0, y+high, 0
			}
			built, err := panel(p, id)
			if err != nil {
				return nil, fmt.Errorf("panel %q: %w", p.Title, err)
			}
			place := dashboard.GridPos{X: x, Y: y, W: w, H: height(p.Kind)}
			built.GridPos = &place
			b = b.WithPanel(ready{built})
			x, high = x+w, max(high, place.H)
		}
		y += high
	}
	built, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("build the dashboard %s: %w", d.UID, err)
	}
	out, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the dashboard %s: %w", d.UID, err)
	}
	return append(out, '\n'), nil
}

// ready hands out a panel that is built already.
type ready struct{ dashboard.Panel }

func (r ready) Build() (dashboard.Panel, error) { return r.Panel, nil }

func height(k dashboards.Kind) uint32 {
	if k == dashboards.Stat {
		return 4
	}
	return 8
}

func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

// variables are the choices at the head of each dashboard: which Prometheus, which
// gateways and which keyholders. "All" asks for any.
func variables() []cog.Builder[dashboard.VariableModel] {
	instances := func(name, label, of string) cog.Builder[dashboard.VariableModel] {
		query := "label_values(" + of + ", instance)"
		return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
			Query(dashboard.StringOrMap{String: &query}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
			Multi(true).IncludeAll(true).AllValue(".*").
			Current(dashboard.VariableOption{
				Selected: new(true),
				Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
				Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
			})
	}
	return []cog.Builder[dashboard.VariableModel]{
		dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus"),
		instances("instance", "Gateway", "zgoda_build_info"),
		instances("keyholder", "Keyholder", "zgoda_keyholder_build_info"),
	}
}

// levels are Grafana's thresholds: the first has no value.
func levels(of []dashboards.Level) cog.Builder[dashboard.ThresholdsConfig] {
	steps := make([]dashboard.Threshold, len(of))
	for i, l := range of {
		steps[i].Color = l.Color
		if i > 0 {
			steps[i].Value = new(l.From)
		}
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func words(of map[int]string) []dashboard.ValueMapping {
	if len(of) == 0 {
		return nil
	}
	m := dashboard.NewValueMap()
	for value, text := range of {
		m.Options[strconv.Itoa(value)] = dashboard.ValueMappingResult{Text: new(text)}
	}
	return []dashboard.ValueMapping{{ValueMap: m}}
}

// target is a query in Grafana's words: it knows the span of a rate itself, by
// how often is scraped and how wide the panel is.
func target(p dashboards.Panel, q dashboards.Query, n int) cog.Builder[variants] {
	b := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + n))).LegendFormat(q.Legend).Datasource(source()).
		Expr(strings.ReplaceAll(q.Expr, "$range", "$__rate_interval"))
	if q.Instant {
		b = b.Instant()
	} else {
		b = b.Range()
	}
	switch p.Kind {
	case dashboards.Table:
		b = b.Format(prometheus.PromQueryFormatTable)
	case dashboards.Heatmap:
		b = b.Format(prometheus.PromQueryFormatHeatmap)
	case dashboards.Stat, dashboards.Graph, dashboards.Bars:
		b = b.Format(prometheus.PromQueryFormatTimeSeries)
	}
	return b
}
