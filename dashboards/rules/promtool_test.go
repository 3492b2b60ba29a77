package rules

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// moment is which alerts fire at a time: all of them, as "name severity".
type moment struct {
	at   time.Duration
	fire []string
}

// story is a world, and what is said of it.
type story struct {
	name    string
	world   world
	moments []moment
	values  map[string]float64 // of expressions at the last moment, all series by their labels in one
}

type promtoolFile struct {
	RuleFiles []string        `yaml:"rule_files"`
	Every     string          `yaml:"evaluation_interval"`
	Order     []string        `yaml:"group_eval_order"`
	Tests     []promtoolStory `yaml:"tests"`
}

type promtoolStory struct {
	Name   string           `yaml:"name"`
	Every  string           `yaml:"interval"`
	Series []promtoolSeries `yaml:"input_series"`
	Asked  []promtoolQuery  `yaml:"promql_expr_test"`
}

type promtoolSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type promtoolQuery struct {
	Expr    string           `yaml:"expr"`
	At      string           `yaml:"eval_time"`
	Samples []promtoolSample `yaml:"exp_samples"`
}

type promtoolSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

const firing = `count by (alertname, severity) (ALERTS{alertstate="firing"})`

// promtool has Debian's tool play the stories, with rules evaluated so often.
func promtool(t *testing.T, every time.Duration, stories ...story) {
	t.Helper()
	out, err := play(t, every, stories...)
	if err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	t.Logf("promtool test rules: %d stories\n%s", len(stories), out)
}

func play(t *testing.T, every time.Duration, stories ...story) ([]byte, error) {
	t.Helper()
	folder := t.TempDir()
	if err := Write(folder, ""); err != nil {
		t.Fatal(err)
	}
	f := promtoolFile{RuleFiles: []string{SLOFile, AlertsFile}, Every: every.String(), Order: Groups()}
	for _, s := range stories {
		f.Tests = append(f.Tests, s.written(t, every))
	}
	text, err := yaml.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "stories.yml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", path).CombinedOutput()
	return bytes.ReplaceAll(out, []byte(folder+"/"), nil), err
}

func (s *story) written(t *testing.T, every time.Duration) promtoolStory {
	t.Helper()
	slices.SortFunc(s.moments, func(a, b moment) int { return int(a.at - b.at) })
	end := s.moments[len(s.moments)-1].at
	p := promtoolStory{Name: s.name, Every: every.String()}
	for name, values := range s.world.told(t, every, end) {
		p.Series = append(p.Series, promtoolSeries{name, values})
	}
	slices.SortFunc(p.Series, func(a, b promtoolSeries) int { return strings.Compare(a.Series, b.Series) })
	for _, m := range s.moments {
		q := promtoolQuery{Expr: firing, At: m.at.String()}
		counts := map[string]float64{}
		for _, alert := range m.fire {
			name, severity, _ := strings.Cut(alert, " ")
			counts[`{alertname="`+name+`", severity="`+severity+`"}`]++
		}
		for labels, n := range counts {
			q.Samples = append(q.Samples, promtoolSample{labels, n})
		}
		p.Asked = append(p.Asked, q)
	}
	for expr, v := range s.values {
		p.Asked = append(p.Asked, promtoolQuery{Expr: expr, At: end.String(), Samples: []promtoolSample{{"{}", v}}})
	}
	return p
}
