package catalogue

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Type is what a metric's numbers do.
type Type string

// The types of metrics.
const (
	Counter   Type = "counter"   // only rises, from 0 at each start of its process
	Gauge     Type = "gauge"     // rises and falls
	Histogram Type = "histogram" // counts values by their size
)

// Process is what tells the metric.
type Process string

// The processes that tell metrics.
const (
	Gateway   Process = "gateway"
	Keyholder Process = "keyholder"
)

// Label is one label of a metric.
type Label struct {
	Name   string
	Values []string // all that there can be; nil: see Bound
	Bound  int      // there are at most so many values; 0 where Values says them
	Means  string   // what the values are, where Values does not say it
}

// Metric is one family.
type Metric struct {
	Name, Help string
	Note       string // what to make of it, beside the help that the process tells
	Type       Type
	Unit       string // seconds, bytes, ratio, days, "" for a number
	Process    Process
	Labels     []Label
	Group      string    // of Groups
	When       string    // empty: always there; else the setting that it needs
	Sparse     bool      // a series comes with its first value, not with 0 at the start
	Native     bool      // a histogram that has a native form too
	Buckets    []float64 // upper edges of a histogram's classic form, without +Inf
}

// Groups are the groups of metrics in the order of the page.
var Groups = []string{
	"events", "gateway", "collector", "consent", "spool", "writer", "clickhouse", "keyholder", "rights", "ledger", "process",
}

var all, named = index(
	events, gatewayMetrics, collector, deciding, consent, spool, writer, clickhouse, keyholder, keyholderCalls, rights, ledger, process,
)

func index(tables ...[]Metric) ([]Metric, map[string]Metric) {
	list := slices.Concat(tables...)
	slices.SortFunc(list, func(a, b Metric) int {
		return cmp.Or(
			cmp.Compare(a.Process, b.Process),
			cmp.Compare(slices.Index(Groups, a.Group), slices.Index(Groups, b.Group)),
			cmp.Compare(a.Name, b.Name),
		)
	})
	names := make(map[string]Metric, len(list))
	for _, m := range list {
		if _, twice := names[m.Name]; !twice { // zgoda_build_info is of both processes
			names[m.Name] = m
		}
	}
	return list, names
}

// All returns every metric, by process, group and name. The caller may change the
// list, not what its metrics point to.
func All() []Metric { return slices.Clone(all) }

// Find returns the metric of a name, which may be that of a histogram's series
// too: x_bucket, x_sum and x_count.
func Find(name string) (Metric, bool) {
	if m, ok := named[name]; ok {
		return m, true
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, part); ok {
			if m, ok := named[base]; ok && m.Type == Histogram {
				return m, true
			}
		}
	}
	return Metric{}, false
}

// Names returns all names, sorted, each once.
func Names() []string { return slices.Sorted(maps.Keys(named)) }
