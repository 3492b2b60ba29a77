package openmetrics

import (
	"strings"
	"testing"
)

const good = `# HELP a_seconds Times, "quoted\n".
# TYPE a_seconds histogram
a_seconds_bucket{r="x \"y\" \\",le="0.5"} 1 # {range="1-2"} 0.25 1.7e+09
a_seconds_bucket{r="x \"y\" \\",le="1.0"} 2
a_seconds_bucket{r="x \"y\" \\",le="+Inf"} 3
a_seconds_sum{r="x \"y\" \\"} 4.5
a_seconds_count{r="x \"y\" \\"} 3
# HELP b Calls.
# TYPE b counter
b_total{r="x"} 1e+07
b_total{r="y"} 0
# TYPE c gauge
c -1.5
# TYPE d summary
d{quantile="0.5"} NaN
d_sum 0
d_count 0
# EOF
`

func TestParse(t *testing.T) {
	families, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 4 || families[0].Type != "histogram" || families[1].Name != "b" || families[1].Samples[0].Value != 1e7 {
		t.Errorf("%+v", families)
	}
	first := families[0].Samples[0]
	if first.Labels["r"] != `x "y" \` || first.Labels["le"] != "0.5" || first.Exemplar["range"] != "1-2" || families[0].Samples[1].Exemplar != nil {
		t.Errorf("%+v", first)
	}
	if families[0].Help != "Times, \"quoted\n\"." {
		t.Errorf("%q", families[0].Help)
	}
}

func TestFaultsAreFound(t *testing.T) {
	for what, change := range map[string][2]string{
		"no end":                         {"# EOF\n", ""},
		"something after the end":        {"# EOF\n", "# EOF\nx 1\n"},
		"a counter without _total":       {`b_total{r="y"} 0`, `b{r="y"} 0`},
		"a negative counter":             {`b_total{r="y"} 0`, `b_total{r="y"} -1`},
		"a counter that is not a number": {`b_total{r="y"} 0`, `b_total{r="y"} NaN`},
		"the same series again":          {`b_total{r="y"} 0`, `b_total{r="x"} 0`},
		"a label twice":                  {`b_total{r="y"} 0`, `b_total{r="y",r="z"} 0`},
		"a label without quotes":         {`b_total{r="y"} 0`, `b_total{r=y} 0`},
		"a value that is none":           {`c -1.5`, `c minus`},
		"a time":                         {`c -1.5`, `c -1.5 1700000000`},
		"an exemplar of a gauge":         {`c -1.5`, `c -1.5 # {range="1"} 1`},
		"an exemplar that is too long":   {`{range="1-2"}`, `{range="` + strings.Repeat("1", 130) + `"}`},
		"buckets that fall":              {`le="1.0"} 2`, `le="1.0"} 0`},
		"edges that fall":                {`le="1.0"}`, `le="0.25"}`},
		"an edge of the older text":      {`le="1.0"}`, `le="1"}`},
		"no last bucket":                 {"a_seconds_bucket{r=\"x \\\"y\\\" \\\\\",le=\"+Inf\"} 3\n", ""},
		"a count of something else":      {`\\"} 3` + "\n# HELP b", `\\"} 4` + "\n# HELP b"},
		"a family in parts":              {"# TYPE c gauge\n", "# TYPE b counter\n"},
		"no type":                        {"# TYPE c gauge\n", ""},
		"a type that is none":            {"# TYPE c gauge\n", "# TYPE c guage\n"},
		"a sample of another family":     {"c -1.5", "x -1.5"},
		"a comment":                      {"# TYPE c gauge\n", "# TYPE c gauge\n# hello c\n"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Errorf("%s: nothing was changed", what)
		}
		if _, err := Parse(text); err == nil {
			t.Errorf("%s: nothing was found", what)
		}
	}
}
