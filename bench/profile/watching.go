package profile

import (
	"strings"
	"time"
)

// Scraping is the part that depends on how often it is done.
const Scraping = "scraping"

// kind is a kind of watching and what its functions begin with.
type kind struct{ part, prefix string }

// watchingKeys is the same of the keyholder, which counts by a room of its own.
var watchingKeys = []kind{
	{Scraping, "net/http.(*conn)."}, // its metrics are all that it serves so
	{Scraping, "zgoda/pseudonym/meter.(*Set)"},
	{"calls", "zgoda/pseudonym/access.(*metrics)"},
	{"other counters and histograms", "zgoda/pseudonym/meter."},
}

// watching are functions of ours that count or time, and those of the library that
// they call: what stands below one of them in a stack is for watching alone.
var watching = []kind{
	{Scraping, "net/http.(*conn)."}, // of the operators' listener, which has nothing else to do
	{Scraping, "github.com/prometheus/client_golang/prometheus.(*Registry).Gather"},
	{Scraping, "github.com/prometheus/client_golang/prometheus.processMetric"},
	{Scraping, "github.com/prometheus/client_golang/prometheus/promhttp"},
	{Scraping, "github.com/prometheus/common/expfmt"},
	{"times of stages", "zgoda/collector.(*stopwatch)"},
	{"times of stages", "zgoda/collector.(*lap)"},
	{"times of stages", "zgoda/collector.(*Answer).Written"},
	{"events by site", "zgoda/collector.siteCounters"},
	{"fates of events", "zgoda/telemetry.(*Fates)"},
	{"requests", "zgoda/gateway.(*metrics)"},
	{"decisions", "zgoda/collector.(*metrics)"},
	{"ranges of the writer", "zgoda/writer.(*times)"},
	{"groups of the spool", "zgoda/spool.(*metrics)"},
	{"loads of people", "zgoda/subjects.since"},
	{"other counters and histograms", "github.com/prometheus/client_golang/prometheus."},
}

// Part is what one kind of watching took.
type Part struct {
	Name string
	CPU  time.Duration
}

// Watching returns what each kind of watching took of a profile, in a fixed order
// and those that took nothing too, and what the whole profile took.
func Watching(samples []Sample) (parts []Part, all time.Duration) { return split(samples, watching) }

// WatchingKeys is Watching of a profile of the keyholder.
func WatchingKeys(samples []Sample) (parts []Part, all time.Duration) {
	return split(samples, watchingKeys)
}

func split(samples []Sample, kinds []kind) (parts []Part, all time.Duration) {
	at := map[string]int{}
	for _, w := range kinds {
		if _, known := at[w.part]; !known {
			at[w.part] = len(parts)
			parts = append(parts, Part{Name: w.part})
		}
	}
	for _, s := range samples {
		all += s.CPU
		if name := watchingOf(s, kinds); name != "" {
			parts[at[name]].CPU += s.CPU
		}
	}
	return parts, all
}

// watchingOf returns the kind of watching that a sample is of: the first of the
// table that its stack has.
func watchingOf(s Sample, kinds []kind) string {
	for _, w := range kinds {
		for _, function := range s.Stack {
			if strings.HasPrefix(function, w.prefix) {
				return w.part
			}
		}
	}
	return ""
}
