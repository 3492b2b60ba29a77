package openmetrics

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Family is one metric with its series.
type Family struct {
	Name, Type, Help string // the name has no _total
	Samples          []Sample
}

// Sample is one line: a counter's, a gauge's, or one of a histogram's many.
type Sample struct {
	Name     string
	Labels   map[string]string
	Value    float64
	Exemplar map[string]string // nil: none
}

// suffixes are the endings that samples of a type have.
var suffixes = map[string][]string{
	"counter": {"_total", "_created"}, "gauge": {""}, "histogram": {"_bucket", "_sum", "_count", "_created"},
	"summary": {"", "_sum", "_count", "_created"}, "info": {"_info"}, "unknown": {""},
}

// Parse reads a whole scrape. It returns the families in their order.
func Parse(text string) ([]Family, error) {
	rest, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok {
		return nil, errors.New("it does not end with # EOF")
	}
	p := parser{names: map[string]bool{}}
	for number := 1; rest != ""; number++ {
		line, after, ok := strings.Cut(rest, "\n")
		if !ok {
			return nil, errors.New("the last line is not ended")
		}
		rest = after
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return p.families, p.end()
}

type parser struct {
	families []Family
	names    map[string]bool // of families, and of samples with their labels
}

var (
	metric   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	label    = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`)
	unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
)

// now is the family that is being told.
func (p *parser) now() *Family {
	if len(p.families) == 0 {
		return &Family{}
	}
	return &p.families[len(p.families)-1]
}

// begin goes on with a family, or ends the one before.
func (p *parser) begin(name string) error {
	if p.now().Name == name {
		if len(p.now().Samples) > 0 {
			return fmt.Errorf("%s is described after its samples", name)
		}
		return nil
	}
	if err := p.end(); err != nil {
		return err
	}
	if p.names[name] {
		return fmt.Errorf("%s is told twice, or in parts", name)
	}
	p.names[name] = true
	p.families = append(p.families, Family{Name: name})
	return nil
}

func (p *parser) line(line string) error {
	described, ok := strings.CutPrefix(line, "# ")
	if !ok {
		return p.sample(line)
	}
	kind, described, _ := strings.Cut(described, " ")
	name, text, _ := strings.Cut(described, " ")
	if metric.FindString(name) != name || name == "" {
		return fmt.Errorf("%q is no name", name)
	}
	if err := p.begin(name); err != nil {
		return err
	}
	f := p.now()
	switch kind {
	case "HELP":
		f.Help = unescape.Replace(text)
	case "TYPE":
		if suffixes[text] == nil || f.Type != "" {
			return fmt.Errorf("%s has the type %q, or two", name, text)
		}
		f.Type = text
	case "UNIT":
		if !strings.HasSuffix(name, "_"+text) {
			return fmt.Errorf("%s has the unit %q", name, text)
		}
	default:
		return fmt.Errorf("# %s", kind)
	}
	return nil
}

func (p *parser) sample(line string) error {
	f := p.now()
	name := metric.FindString(line)
	if suffix, ok := strings.CutPrefix(name, f.Name); name == "" || !ok || !slices.Contains(suffixes[f.Type], suffix) {
		return fmt.Errorf("%q is no sample of %s (%s)", name, f.Name, f.Type)
	}
	labels, rest, err := labelsOf(line[len(name):])
	if err != nil {
		return err
	}
	s := Sample{Name: name, Labels: labels}
	body, exemplar, has := strings.Cut(strings.TrimPrefix(rest, " "), " # ")
	if s.Value, err = number(body); err != nil || !strings.HasPrefix(rest, " ") {
		return fmt.Errorf("%s: value %q", name, body) // a time of its own is no part of what we tell
	}
	if has {
		if s.Exemplar, err = exemplarOf(exemplar); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if f.Type != "counter" && !strings.HasSuffix(name, "_bucket") {
			return fmt.Errorf("%s has an exemplar", name)
		}
	}
	key := name + fmt.Sprint(labels)
	if p.names[key] {
		return fmt.Errorf("%s is told twice", key)
	}
	p.names[key] = true
	if f.Type == "counter" && !(s.Value >= 0) {
		return fmt.Errorf("%s counts %v", name, s.Value)
	}
	f.Samples = append(f.Samples, s)
	return nil
}

func number(text string) (float64, error) {
	if strings.ContainsAny(text, " \t") || text == "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

func labelsOf(text string) (labels map[string]string, rest string, err error) {
	labels = map[string]string{}
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return labels, text, nil
	}
	for !strings.HasPrefix(rest, "}") {
		m := label.FindStringSubmatch(rest)
		if m == nil {
			return nil, "", fmt.Errorf("labels %q", text)
		}
		if _, twice := labels[m[1]]; twice {
			return nil, "", fmt.Errorf("two labels %s", m[1])
		}
		labels[m[1]] = unescape.Replace(m[2])
		rest = rest[len(m[0]):]
		if after, more := strings.CutPrefix(rest, ","); more {
			rest = after
		} else if !strings.HasPrefix(rest, "}") {
			return nil, "", fmt.Errorf("labels %q", text)
		}
	}
	return labels, rest[1:], nil
}

// exemplarOf reads labels of at most 128 characters, a value and perhaps a time.
func exemplarOf(text string) (map[string]string, error) {
	labels, rest, err := labelsOf(text)
	if err != nil || !strings.HasPrefix(text, "{") {
		return nil, fmt.Errorf("exemplar %q", text)
	}
	size := 0
	for k, v := range labels {
		size += len([]rune(k)) + len([]rune(v))
	}
	fields := strings.Fields(rest)
	if size > 128 || len(fields) < 1 || len(fields) > 2 {
		return nil, fmt.Errorf("exemplar %q", text)
	}
	for _, f := range fields {
		if _, err := number(f); err != nil {
			return nil, fmt.Errorf("exemplar %q", text)
		}
	}
	return labels, nil
}

// end looks at the family that is whole now.
func (p *parser) end() error {
	f := p.now()
	if f.Name != "" && f.Type == "" {
		return fmt.Errorf("%s has no type", f.Name)
	}
	if f.Type != "histogram" {
		return nil
	}
	series := map[string]*histogram{}
	for i := range f.Samples {
		s := &f.Samples[i]
		labels := maps.Clone(s.Labels)
		delete(labels, "le")
		key := fmt.Sprint(labels)
		if series[key] == nil {
			series[key] = &histogram{count: -1}
		}
		if err := series[key].add(strings.TrimPrefix(s.Name, f.Name), s); err != nil {
			return fmt.Errorf("%s%s: %w", f.Name, key, err)
		}
	}
	for key, h := range series {
		if !h.infinite || h.count != h.last || !h.sum {
			return fmt.Errorf("%s%s is not whole: %+v", f.Name, key, *h)
		}
	}
	return nil
}

// histogram is what was told of one of its series.
type histogram struct {
	edge, last, count float64
	any, infinite     bool
	sum               bool
}

func (h *histogram) add(suffix string, s *Sample) error {
	switch suffix {
	case "_bucket":
		le := s.Labels["le"]
		edge, err := strconv.ParseFloat(le, 64)
		if err != nil || !strings.ContainsAny(le, ".eI") {
			return fmt.Errorf("le=%q", le)
		}
		if h.any && (edge <= h.edge || s.Value < h.last) {
			return fmt.Errorf("le=%q after %v, %v after %v", le, h.edge, s.Value, h.last)
		}
		h.any, h.edge, h.last, h.infinite = true, edge, s.Value, le == "+Inf"
	case "_sum":
		h.sum = true
	case "_count":
		h.count = s.Value
	}
	return nil
}
