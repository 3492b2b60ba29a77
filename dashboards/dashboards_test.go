package dashboards

import (
	"strings"
	"testing"
)

func TestDashboardsAreWhole(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range All() {
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
		if uids[d.UID] {
			t.Errorf("two dashboards are %q", d.UID)
		}
		uids[d.UID] = true
	}
}

// TestValidateRefuses: each thing that a panel needs is missed when it is gone.
func TestValidateRefuses(t *testing.T) {
	whole := func() Panel {
		return Panel{
			Title: "Spool", Description: "Bytes that wait in the spool, of all gateways.", Kind: Graph, Unit: Bytes, Width: 6,
			Levels: upTo(1, 2), Queries: []Query{ask("bytes", at("zgoda_spool_bytes"))},
		}
	}
	if err := (Dashboard{"d", "d", "d", []Row{{"r", []Panel{whole()}}}}).Validate(); err != nil {
		t.Fatalf("a whole panel: %v", err)
	}
	for want, spoil := range map[string]func(*Panel){
		"no title":         func(p *Panel) { p.Title = "" },
		"not a sentence":   func(p *Panel) { p.Description = "Bytes." },
		"is no unit":       func(p *Panel) { p.Unit = "parsec" },
		"width":            func(p *Panel) { p.Width = 25 },
		"no levels":        func(p *Panel) { p.Levels = nil },
		"NoLimit says why": func(p *Panel) { p.Levels = anyValue() },
		"do not rise":      func(p *Panel) { p.Levels = upTo(2, 1) },
		"is no colour":     func(p *Panel) { p.Levels[0].Color = "mauve" },
		"columns are for":  func(p *Panel) { p.Columns = []string{"site"} },
		"asks one thing": func(p *Panel) {
			p.Kind, p.Columns, p.Queries = Table, []string{"Value"}, []Query{askNow("a", "zgoda_spool_bytes"), askNow("b", "zgoda_spool_bytes")}
		},
		"asks nothing":      func(p *Panel) { p.Queries = nil },
		"without a legend":  func(p *Panel) { p.Queries[0].Legend = "" },
		"newest value":      func(p *Panel) { p.Kind = Bars },
		"classic histogram": func(p *Panel) { p.Queries[0].Expr = "histogram_quantile(0.9, up)" },
		"no such metric":    func(p *Panel) { p.Queries[0].Expr = at("zgoda_spool_fish") },
		"is never":          func(p *Panel) { p.Queries[0].Expr = at("zgoda_keyholder_reveals_total", `outcome="fish"`) },
		"do not close":      func(p *Panel) { p.Queries[0].Expr = "sum(zgoda_spool_bytes" },
		"unknown variable":  func(p *Panel) { p.Queries[0].Expr = `zgoda_spool_bytes{site="$site"}` },
	} {
		p := whole()
		spoil(&p)
		err := Dashboard{"d", "d", "d", []Row{{"r", []Panel{p}}}}.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := (Dashboard{"d", "d", "d", []Row{{"r", []Panel{whole(), whole()}}}}).Validate(); err == nil {
		t.Error("two panels of one title pass")
	}
}

func TestExpand(t *testing.T) {
	got := Expand(`sum(rate(x{instance=~"$instance"}[$range])) + y{instance=~"$keyholder"}`, "a:1", "2m")
	if got != `sum(rate(x{instance=~"a:1"}[2m])) + y{instance=~".*"}` {
		t.Error(got)
	}
}
