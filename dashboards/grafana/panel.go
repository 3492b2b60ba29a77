package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	cogvariants "github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"zgoda/dashboards"
)

type variants = cogvariants.Dataquery

// builder is what the builders of all forms have in common.
type builder[B any] interface {
	cog.Builder[dashboard.Panel]
	Id(id uint32) B
	Title(title string) B
	Description(description string) B
	Datasource(of common.DataSourceRef) B
	Unit(unit string) B
	Thresholds(steps cog.Builder[dashboard.ThresholdsConfig]) B
	Mappings(of []dashboard.ValueMapping) B
	NoValue(text string) B
	Min(value float64) B
	Max(value float64) B
	WithTarget(query cog.Builder[variants]) B
}

// filled is a panel with what every form has.
func filled[B builder[B]](b B, p dashboards.Panel, id uint32) B {
	b = b.Id(id).Title(p.Title).Description(p.Description).Datasource(source()).Unit(string(p.Unit)).Thresholds(levels(p.Levels))
	if m := words(p.Words); m != nil {
		b = b.Mappings(m)
	}
	if p.Empty != "" {
		b = b.NoValue(p.Empty)
	}
	if p.Min != nil {
		b = b.Min(*p.Min)
	}
	if p.Max != nil {
		b = b.Max(*p.Max)
	}
	for n, q := range p.Queries {
		b = b.WithTarget(target(p, q, n))
	}
	return b
}

func panel(p dashboards.Panel, id uint32) (dashboard.Panel, error) {
	switch p.Kind {
	case dashboards.Stat:
		return filled(stat.NewPanelBuilder(), p, id).GraphMode(common.BigValueGraphModeArea).
			ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationAuto).ReduceOptions(newest()).Build()
	case dashboards.Graph:
		return graph(p, id).Build()
	case dashboards.Bars:
		return filled(bargauge.NewPanelBuilder(), p, id).Orientation(common.VizOrientationHorizontal).
			DisplayMode(common.BarGaugeDisplayModeBasic).ReduceOptions(newest()).Build()
	case dashboards.Table:
		b := filled(table.NewPanelBuilder(), p, id)
		for _, t := range columns(p.Columns) {
			b = b.WithTransformation(t)
		}
		return b.Build()
	case dashboards.Heatmap:
		return filled(heatmap.NewPanelBuilder(), p, id).Calculate(false).
			YAxis(heatmap.NewYAxisConfigBuilder().Unit(string(p.Unit))).HideLegend().Build()
	}
	return dashboard.Panel{}, fmt.Errorf("no form %d", p.Kind)
}

func graph(p dashboards.Panel, id uint32) *timeseries.PanelBuilder {
	b := filled(timeseries.NewPanelBuilder(), p, id).FillOpacity(8).LineWidth(1).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if len(p.Levels) > 1 {
		b = b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	if p.Stacked {
		b = b.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	return b
}

func newest() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

// columns keep those labels and leave the others out, in their order.
func columns(names []string) []dashboard.DataTransformerConfig {
	order := map[string]int{}
	for i, name := range names {
		order[name] = i
	}
	return []dashboard.DataTransformerConfig{
		{Id: "filterFieldsByName", Options: map[string]any{"include": map[string]any{"names": names}}},
		{Id: "organize", Options: map[string]any{"indexByName": order}},
	}
}
