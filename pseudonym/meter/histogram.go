package meter

import (
	"math"
	"sort"
	"sync/atomic"
)

// Histogram counts values by their size and by the values of its labels.
type Histogram struct{ series[Sizes] }

// Histogram makes a histogram with upper edges that rise. One without labels is
// there with 0 from the start.
func (s *Set) Histogram(name, help string, edges []float64, labels ...string) *Histogram {
	h := &Histogram{series[Sizes]{labels: labels, fresh: func() *Sizes {
		return &Sizes{edges: edges, counts: make([]atomic.Uint64, len(edges)+1)}
	}}}
	if len(labels) == 0 {
		h.At()
	}
	s.add(&family{name: name, help: help, kind: "histogram", read: func(yield func(sample)) {
		h.each(func(labels string, sizes *Sizes) { sizes.read(labels, yield) })
	}})
	return h
}

// Sizes are the counts of one histogram's series. It is safe for concurrent use.
type Sizes struct {
	edges  []float64
	counts []atomic.Uint64 // of each edge by itself, and of what is above the last
	sum    atomic.Uint64   // the bits of a float
}

// Observe counts a value. It allocates nothing.
func (s *Sizes) Observe(value float64) {
	s.counts[sort.SearchFloat64s(s.edges, value)].Add(1)
	for {
		old := s.sum.Load()
		if s.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+value)) {
			return
		}
	}
}

// read yields the buckets, each with those below it, then sum and count, which is
// that of the last bucket.
func (s *Sizes) read(labels string, yield func(sample)) {
	var below uint64
	for i := range s.counts {
		below += s.counts[i].Load()
		edge := math.Inf(1)
		if i < len(s.edges) {
			edge = s.edges[i]
		}
		yield(sample{suffix: "_bucket", labels: labels, edge: edge, value: float64(below)})
	}
	yield(sample{suffix: "_sum", labels: labels, value: math.Float64frombits(s.sum.Load())})
	yield(sample{suffix: "_count", labels: labels, value: float64(below)})
}
