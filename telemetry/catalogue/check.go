package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// common are the labels that Prometheus gives every series it scrapes.
var common = []string{"instance", "job", "__name__"}

// Check says what is wrong with the zgoda_ names in an expression of PromQL: a
// metric that there is none of, a histogram without _bucket, _sum or _count, a
// gauge under rate, a matcher of a label that the metric has not, or of values that
// it never has, a grouping by a label that no metric of the expression has. It does not parse
// the rest.
func Check(expr string) error {
	var errs []error
	known, open := slices.Clone(common), false
	for _, s := range selectors(expr) {
		if !strings.HasPrefix(s.name, "zgoda_") {
			open = open || s.foreign
			continue
		}
		m, ok := Find(s.name)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: no such metric", s.name))
			continue
		}
		if m.Type == Histogram && m.Name == s.name {
			errs = append(errs, fmt.Errorf("%s: a histogram is asked for by _bucket, _sum or _count", s.name))
		}
		if m.Type == Gauge && slices.Contains([]string{"rate", "irate", "increase"}, s.under) {
			errs = append(errs, fmt.Errorf("%s: %s of a gauge", s.name, s.under))
		}
		labels := labelsOf(m, s.name)
		for _, l := range labels {
			known = append(known, l.Name)
		}
		errs = append(errs, s.check(labels))
	}
	if !open {
		errs = append(errs, grouped(expr, known))
	}
	return errors.Join(errs...)
}

// labelsOf returns the labels of a series, le of buckets too.
func labelsOf(m Metric, name string) []Label {
	labels := slices.Clone(m.Labels)
	if strings.HasSuffix(name, "_bucket") {
		le := Label{Name: "le", Values: []string{"+Inf"}}
		for _, b := range m.Buckets {
			text := strconv.FormatFloat(b, 'g', -1, 64)
			le.Values = append(le.Values, text)
			if !strings.Contains(text, ".") {
				le.Values = append(le.Values, text+".0") // as OpenMetrics writes it
			}
		}
		labels = append(labels, le)
	}
	return labels
}

// selector is a name in an expression with its matchers.
type selector struct {
	name     string
	under    string // the function whose argument it begins
	foreign  bool   // it may carry labels that are not of the list
	matchers []matcher
}

type matcher struct{ label, op, value string }

var (
	name     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	match    = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*,?`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	texts    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// foreign are names whose series carry labels of their own, and functions that make
// some.
func foreign(n string) bool {
	return n == "ALERTS" || n == "label_replace" || n == "label_join" || n == "count_values" || strings.Contains(n, ":")
}

func selectors(expr string) []selector {
	var list []selector
	under := ""
	for at := 0; at < len(expr); {
		if expr[at] == '"' {
			at += max(1, len(texts.FindString(expr[at:])))
			continue
		}
		word := name.FindStringIndex(expr[at:])
		if word == nil || word[0] != 0 {
			if c := expr[at]; c != '(' && c != ' ' && c != '\n' && c != '\t' {
				under = ""
			}
			at++
			continue
		}
		n := expr[at : at+word[1]]
		at += word[1]
		s := selector{name: n, under: under, foreign: foreign(n)}
		under = n
		if rest := strings.TrimLeft(expr[at:], " \n\t"); strings.HasPrefix(rest, "{") {
			rest = rest[1:]
			for m := match.FindStringSubmatch(rest); m != nil; m = match.FindStringSubmatch(rest) {
				value, err := strconv.Unquote(m[3])
				if err != nil {
					value = m[3]
				}
				s.matchers = append(s.matchers, matcher{m[1], m[2], value})
				rest = rest[len(m[0]):]
			}
			at = len(expr) - len(rest)
		}
		list = append(list, s)
	}
	return list
}

func (s selector) check(labels []Label) error {
	var errs []error
	for _, m := range s.matchers {
		at := slices.IndexFunc(labels, func(l Label) bool { return l.Name == m.label })
		if at < 0 {
			if !slices.Contains(common, m.label) {
				errs = append(errs, fmt.Errorf("%s has no label %s", s.name, m.label))
			}
			continue
		}
		if values := labels[at].Values; values != nil && !strings.Contains(m.value, "$") {
			if err := m.matches(values); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// matches says whether each alternative of the matcher is a value, or matches one.
func (m matcher) matches(values []string) error {
	if m.op == "=" || m.op == "!=" {
		if m.value != "" && !slices.Contains(values, m.value) {
			return fmt.Errorf("%s is never %q", m.label, m.value)
		}
		return nil
	}
	for _, part := range alternatives(m.value) {
		re, err := regexp.Compile("^(?:" + part + ")$")
		if err != nil {
			return fmt.Errorf("%s: %w", m.label, err)
		}
		if !slices.ContainsFunc(values, re.MatchString) {
			return fmt.Errorf("%s never matches %q", m.label, part)
		}
	}
	return nil
}

// alternatives splits a|b, and leaves whole what has parentheses.
func alternatives(re string) []string {
	if strings.ContainsAny(re, "([") {
		return []string{re}
	}
	return strings.Split(re, "|")
}

// grouped checks the labels that an expression groups or joins by.
func grouped(expr string, known []string) error {
	var errs []error
	for _, g := range grouping.FindAllStringSubmatch(texts.ReplaceAllString(expr, `""`), -1) {
		for l := range strings.SplitSeq(g[1], ",") {
			if l = strings.TrimSpace(l); l != "" && !slices.Contains(known, l) {
				errs = append(errs, fmt.Errorf("no metric here has the label %s", l))
			}
		}
	}
	return errors.Join(errs...)
}
