package scale

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The native form of every histogram: buckets that grow by a tenth, so that a
// quantile is told to within 5 %, and no more than so many of them, which is enough
// for times from a microsecond, which counts as nothing, to half a minute. A
// histogram that would need more is emptied, but at most once in an hour; until
// then its buckets grow wider.
const (
	Growth     = 1.1
	MaxBuckets = 200
	Reset      = time.Hour
	Nothing    = 1e-6
)

// Answers are edges, in seconds, for what somebody waits for: a request, a call,
// a load. Stages are edges for the parts of it, some of which take microseconds.
// Delays are edges for what goes on after the answer: the way into ClickHouse. All
// have edges at exactly 1 and 10, where promises are counted. They are copied by
// Seconds; nobody may change them.
var (
	Answers = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10}
	Stages  = []float64{.00001, .00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10}
	Delays  = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 3600}
)

// Seconds returns the options of a histogram of seconds with both forms. Without
// bounds it has Answers.
func Seconds(name, help string, bounds ...float64) prometheus.HistogramOpts {
	if len(bounds) == 0 {
		bounds = Answers
	}
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: slices.Clone(bounds),
		NativeHistogramBucketFactor:     Growth,
		NativeHistogramMaxBucketNumber:  MaxBuckets,
		NativeHistogramMinResetDuration: Reset,
		NativeHistogramZeroThreshold:    Nothing,
	}
}
