package meter

import (
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// form is how metrics are written.
type form struct {
	contentType string
	open        bool // OpenMetrics, not Prometheus' older text
}

var (
	plain = form{contentType: "text/plain; version=0.0.4; charset=utf-8"}
	open  = form{contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8", open: true}
)

// WriteTo writes all metrics in Prometheus' text form, by name and label.
func (s *Set) WriteTo(w io.Writer) (int64, error) { return s.write(w, plain) }

// WriteOpenMetrics writes all metrics in the form of OpenMetrics 1.0.
func (s *Set) WriteOpenMetrics(w io.Writer) (int64, error) { return s.write(w, open) }

func (s *Set) write(w io.Writer, as form) (int64, error) {
	s.mu.Lock()
	families := slices.Clone(s.families)
	s.mu.Unlock()
	var b strings.Builder
	for _, f := range families {
		head := f.name
		if as.open && f.kind == "counter" {
			head = strings.TrimSuffix(head, "_total")
		}
		b.WriteString("# HELP " + head + " " + f.help + "\n# TYPE " + head + " " + f.kind + "\n")
		f.read(func(one sample) {
			labels := one.labels
			if one.suffix == "_bucket" {
				labels = with(labels, `le="`+number(one.edge, as.open)+`"`)
			}
			b.WriteString(f.name + one.suffix + labels + " " + number(one.value, false) + "\n")
		})
	}
	if as.open {
		b.WriteString("# EOF\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// number writes a float; an edge in OpenMetrics always has a point or an exponent.
func number(v float64, edge bool) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if edge && !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// with adds a label to the text of others.
func with(labels, last string) string {
	if labels == "" {
		return "{" + last + "}"
	}
	return strings.TrimSuffix(labels, "}") + "," + last + "}"
}

// ServeHTTP answers GET with all metrics, in the form that is asked for.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	as := plain
	if strings.Contains(r.Header.Get("Accept"), "application/openmetrics-text") {
		as = open
	}
	w.Header().Set("Content-Type", as.contentType)
	_, _ = s.write(w, as) // who asked is gone
}
