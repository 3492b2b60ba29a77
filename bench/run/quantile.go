package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// histogram is what one of the gateway's histograms counted between two scrapes:
// by the upper bound of a bucket in seconds, how many were at most that.
type histogram map[float64]float64

// histogram reads a histogram with these labels, as they are written.
func (m metrics) histogram(since metrics, name, labels string) histogram {
	h := histogram{}
	head := name + "_bucket{" + labels
	for key, value := range m {
		rest, ok := strings.CutPrefix(key, head)
		if !ok {
			continue
		}
		if _, rest, ok = strings.Cut(rest, `le="`); !ok {
			continue
		}
		if bound, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64); err == nil {
			h[bound] = value - since[key]
		}
	}
	return h
}

// count is how many it counted.
func (h histogram) count() (most float64) {
	for _, n := range h {
		most = max(most, n)
	}
	return most
}

// quantile returns what a share q did not exceed, as if all of a bucket were
// spread over it evenly; of the last bucket its lower bound.
func (h histogram) quantile(q float64) time.Duration {
	rank, below, from := q*h.count(), 0.0, 0.0
	for _, bound := range slices.Sorted(maps.Keys(h)) {
		if n := h[bound]; n >= rank && n > below {
			if bound > 1e6 { // +Inf
				return time.Duration(from * 1e9)
			}
			return time.Duration((from + (bound-from)*(rank-below)/(n-below)) * 1e9)
		}
		below, from = h[bound], bound
	}
	return time.Duration(from * 1e9)
}
