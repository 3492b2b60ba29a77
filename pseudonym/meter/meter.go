package meter

import (
	"slices"
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
	read             func(yield func(sample))
}

// sample is one line of a family: name+suffix, labels, value.
type sample struct {
	suffix, labels string
	edge           float64 // of a bucket, which is written into the labels
	value          float64
}

func (s *Set) add(f *family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families = append(s.families, f)
	slices.SortFunc(s.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
}

// Counter counts by the values of its labels.
type Counter struct{ series[atomic.Uint64] }

// Counter makes a counter. One without labels is there with 0 from the start.
func (s *Set) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{series[atomic.Uint64]{labels: labels, fresh: func() *atomic.Uint64 { return new(atomic.Uint64) }}}
	if len(labels) == 0 {
		c.Add(0)
	}
	s.add(&family{name: name, help: help, kind: "counter", read: func(yield func(sample)) {
		c.each(func(labels string, value *atomic.Uint64) { yield(sample{labels: labels, value: float64(value.Load())}) })
	}})
	return c
}

// Add adds to the counter of the labels' values, which are given in the order of
// the labels.
func (c *Counter) Add(n uint64, values ...string) { c.At(values...).Add(n) }

// Counts makes a counter that is read when it is asked for.
func (s *Set) Counts(name, help string, read func() float64) { s.read(name, help, "counter", read) }

// Gauge makes a metric that is read when it is asked for.
func (s *Set) Gauge(name, help string, read func() float64) { s.read(name, help, "gauge", read) }

func (s *Set) read(name, help, kind string, read func() float64) {
	s.add(&family{name: name, help: help, kind: kind, read: func(yield func(sample)) { yield(sample{value: read()}) }})
}

// Gauges makes a metric of one label that is read when it is asked for.
func (s *Set) Gauges(name, help, label string, read func(yield func(value string, n float64))) {
	s.add(&family{name: name, help: help, kind: "gauge", read: func(yield func(sample)) {
		var list []sample
		read(func(value string, n float64) {
			list = append(list, sample{labels: pairs([]string{label}, []string{value}), value: n})
		})
		slices.SortFunc(list, func(a, b sample) int { return strings.Compare(a.labels, b.labels) })
		for _, one := range list {
			yield(one)
		}
	}})
}

// Info makes a metric that is 1 and tells what its labels say: names and values in
// turns.
func (s *Set) Info(name, help string, told ...string) {
	var labels, values []string
	for pair := range slices.Chunk(told, 2) {
		labels, values = append(labels, pair[0]), append(values, pair[1])
	}
	text := pairs(labels, values)
	s.add(&family{name: name, help: help, kind: "gauge", read: func(yield func(sample)) { yield(sample{labels: text, value: 1}) }})
}

// series are numbers by the values of labels.
type series[T any] struct {
	labels []string
	fresh  func() *T
	mu     sync.RWMutex
	values map[string]*T
}

// At returns the number of the labels' values itself, for hot paths.
func (s *series[T]) At(values ...string) *T {
	key := pairs(s.labels, values)
	s.mu.RLock()
	at := s.values[key]
	s.mu.RUnlock()
	if at != nil {
		return at
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at = s.values[key]; at == nil {
		if s.values == nil {
			s.values = make(map[string]*T)
		}
		at = s.fresh()
		s.values[key] = at
	}
	return at
}

// each goes through the numbers by the text of their labels.
func (s *series[T]) each(yield func(labels string, value *T)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make([]string, 0, len(s.values))
	for labels := range s.values {
		keys = append(keys, labels)
	}
	slices.Sort(keys)
	for _, labels := range keys {
		yield(labels, s.values[labels])
	}
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
