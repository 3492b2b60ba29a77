package console

import (
	"bytes"
	"encoding/json"
	"html"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zgoda/dashboards"
)

// TestFilesAreCurrent: what is committed is what the values say.
func TestFilesAreCurrent(t *testing.T) {
	fresh := t.TempDir()
	for _, folder := range []string{"consoles", "console_libraries"} {
		if err := os.Mkdir(filepath.Join(fresh, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(fresh); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"consoles/zgoda-overview.html", "console_libraries/zgoda.lib"} {
		want, err := os.ReadFile(filepath.Join(fresh, path))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the values say (%v): go generate ./dashboards", path, err)
		}
	}
}

type sample struct {
	Labels map[string]string
	Value  float64
}

// filled is the overview as Prometheus fills it in, with these answers to each
// query; it says what was asked.
func filled(t *testing.T, params map[string]string, answer []*sample) (string, []string) {
	t.Helper()
	var asked []string
	funcs := template.FuncMap{
		"query": func(q string) []*sample { asked = append(asked, q); return answer },
		"first": func(s []*sample) *sample { return s[0] }, "value": func(s *sample) float64 { return s.Value },
		"sortByLabel": func(_ string, s []*sample) []*sample { return s },
		"args": func(list ...any) map[string]any {
			all := map[string]any{}
			for i, a := range list {
				all["arg"+string(rune('0'+i))] = a
			}
			return all
		},
		"match":        func(p, s string) (bool, error) { return regexp.MatchString(p, s) },
		"reReplaceAll": func(p, by, s string) string { return regexp.MustCompile(p).ReplaceAllString(s, by) },
		"pathPrefix":   func() string { return "/prometheus" }, "graphLink": func(q string) string { return "/graph?g0.expr=" + template.URLQueryEscaper(q) },
		"humanize": number, "humanize1024": number, "humanizeDuration": number, "humanizePercentage": number,
	}
	page, err := Page(dashboards.Overview())
	if err != nil {
		t.Fatal(err)
	}
	all, err := template.New("page").Funcs(funcs).Parse(string(page))
	if err == nil {
		_, err = all.New("zgoda.lib").Parse(string(Library()))
	}
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = all.ExecuteTemplate(&out, "page", struct {
		Params map[string]string
		Path   string
	}{params, "zgoda-overview.html"})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), asked
}

func number(v float64) string { return float(v) }

func TestPageIsFilledIn(t *testing.T) {
	page, asked := filled(t, nil, []*sample{{map[string]string{"instance": "a:1", "child": "keyholder", "slo": "fresh"}, 1}})
	for _, want := range []string{">yes<", `aria-current="true">all gateways`, `class="name">fresh<`, "<td>keyholder</td>", `data-span="1h"`, `data-prefix="/prometheus"`, `style="width: 1.0"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template refuses a value")
	}
	want := 0
	for _, p := range dashboards.Overview().Panels() {
		if p.Kind != dashboards.Graph {
			want++
		}
	}
	if len(asked) != want+1 {
		t.Errorf("%d queries, want those of %d panels and of the gateways", len(asked), want)
	}
	for _, q := range asked {
		if strings.Contains(q, "$") || (strings.Contains(q, "instance=") && !strings.Contains(q, `instance=~".*"`)) {
			t.Errorf("it asks %s", q)
		}
	}
	if page, _ := filled(t, nil, nil); !strings.Contains(page, "Nothing to show: no alert fires.") {
		t.Error("without an answer the page does not say why")
	}
}

// TestLevels: what is too much is told by a word, not only by a colour.
func TestLevels(t *testing.T) {
	page, _ := filled(t, nil, []*sample{{nil, 0}})
	if !strings.Contains(page, "act</p>") || !strings.Contains(page, "act: </span>") {
		t.Error("a gateway that is not ready wants nobody to act")
	}
}

// TestParametersCannotAsk: what stands in the address chooses a gateway and a span,
// and cannot end the query it stands in.
func TestParametersCannotAsk(t *testing.T) {
	page, asked := filled(t, map[string]string{"instance": `a:1"}) or secret{x="`, "span": `1h"><script>`}, []*sample{{nil, 1}})
	for _, q := range asked {
		if strings.Contains(q, "secret{") || strings.Count(q, `"`)%2 != 0 {
			t.Errorf("it asks %s", q)
		}
	}
	if strings.Contains(page, `1h"><script>`) || !strings.Contains(page, `data-span="1h"`) {
		t.Error("the span of the address is in the page")
	}
}

// TestGraphs: the script gets what the model says, braces of queries included.
func TestGraphs(t *testing.T) {
	page, _ := filled(t, nil, nil)
	var graphs []string
	for _, m := range regexp.MustCompile(`data-graph="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		var g struct {
			Title   string `json:"title"`
			Queries []struct {
				Expr   string `json:"expr"`
				Legend string `json:"legend"`
			} `json:"queries"`
		}
		if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &g); err != nil {
			t.Fatal(err)
		}
		for _, p := range dashboards.Overview().Panels() {
			if p.Title != g.Title {
				continue
			}
			graphs = append(graphs, g.Title)
			for i, q := range p.Queries {
				if g.Queries[i].Expr != q.Expr || g.Queries[i].Legend != q.Legend {
					t.Errorf("%s asks %+v, want %+v", g.Title, g.Queries[i], q)
				}
			}
		}
	}
	if len(graphs) != 6 {
		t.Errorf("the page draws %q", graphs)
	}
}

// TestPageRefuses: what a console cannot show is an error, not left out.
func TestPageRefuses(t *testing.T) {
	for name, p := range map[string]dashboards.Panel{
		"heat map": {Kind: dashboards.Heatmap, Queries: make([]dashboards.Query, 1)},
		"stacked":  {Kind: dashboards.Graph, Stacked: true, Queries: make([]dashboards.Query, 1)},
		"parts":    {Kind: dashboards.Bars, Unit: dashboards.Bytes, Queries: make([]dashboards.Query, 1)},
		"2 quer":   {Kind: dashboards.Stat, Queries: make([]dashboards.Query, 2)},
	} {
		_, err := Page(dashboards.Dashboard{Rows: []dashboards.Row{{Panels: []dashboards.Panel{p}}}})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
