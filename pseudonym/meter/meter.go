package meter

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Set is a set of metrics. It is safe for concurrent use.
type Set struct {
	mu       sync.Mutex
	families []*family
}

// family is one metric with all its label values.
type family struct {
	name, help, kind string
	read             func(yield func(labels string, value float64))
}

func (s *Set) add(f *family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families = append(s.families, f)
	slices.SortFunc(s.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
}

// Counter counts by the values of its labels.
type Counter struct {
	labels []string
	mu     sync.RWMutex
	values map[string]*atomic.Uint64
}

// Counter makes a counter. One without labels is there with 0 from the start.
func (s *Set) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{labels: labels, values: make(map[string]*atomic.Uint64)}
	if len(labels) == 0 {
		c.Add(0)
	}
	s.add(&family{name: name, help: help, kind: "counter", read: c.read})
	return c
}

// Add adds to the counter of the labels' values, which are given in the order of
// the labels.
func (c *Counter) Add(n uint64, values ...string) { c.At(values...).Add(n) }

// At returns the counter of the labels' values itself, for hot paths.
func (c *Counter) At(values ...string) *atomic.Uint64 {
	key := pairs(c.labels, values)
	c.mu.RLock()
	at := c.values[key]
	c.mu.RUnlock()
	if at != nil {
		return at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at = c.values[key]; at == nil {
		at = new(atomic.Uint64)
		c.values[key] = at
	}
	return at
}

func (c *Counter) read(yield func(string, float64)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for labels, value := range c.values {
		yield(labels, float64(value.Load()))
	}
}

// Gauge makes a metric that is read when it is asked for.
func (s *Set) Gauge(name, help string, read func() float64) {
	s.add(&family{name: name, help: help, kind: "gauge", read: func(yield func(string, float64)) { yield("", read()) }})
}

// Gauges makes a metric of one label that is read when it is asked for.
func (s *Set) Gauges(name, help, label string, read func(yield func(value string, n float64))) {
	s.add(&family{name: name, help: help, kind: "gauge", read: func(yield func(string, float64)) {
		read(func(value string, n float64) { yield(pairs([]string{label}, []string{value}), n) })
	}})
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func pairs(labels, values []string) string {
	if len(labels) == 0 {
		return ""
	}
	var b strings.Builder
	for i, label := range labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(label + `="` + escape.Replace(values[i]) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// WriteTo writes all metrics, by name and label.
func (s *Set) WriteTo(w io.Writer) (int64, error) {
	s.mu.Lock()
	families := slices.Clone(s.families)
	s.mu.Unlock()
	var b strings.Builder
	for _, f := range families {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		var lines []string
		f.read(func(labels string, value float64) {
			lines = append(lines, f.name+labels+" "+strconv.FormatFloat(value, 'g', -1, 64)+"\n")
		})
		slices.Sort(lines)
		for _, line := range lines {
			b.WriteString(line)
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ServeHTTP answers GET with all metrics.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = s.WriteTo(w) // who asked is gone
}
