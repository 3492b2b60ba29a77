package profile

import (
	"strings"
	"time"
)

// Scraping is the part that depends on how often it is done.
const Scraping = "scraping"

// watching are functions of ours that count or time, and those of the library that
// they call: what stands below one of them in a stack is for watching alone.
var watching = [...]struct{ part, prefix string }{
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
func Watching(samples []Sample) (parts []Part, all time.Duration) {
	at := map[string]int{}
	for _, w := range watching {
		if _, known := at[w.part]; !known {
			at[w.part] = len(parts)
			parts = append(parts, Part{Name: w.part})
		}
	}
	for _, s := range samples {
		all += s.CPU
		if name := watchingOf(s); name != "" {
			parts[at[name]].CPU += s.CPU
		}
	}
	return parts, all
}

// watchingOf returns the kind of watching that a sample is of: the first of the
// table that its stack has.
func watchingOf(s Sample) string {
	for _, w := range watching {
		for _, function := range s.Stack {
			if strings.HasPrefix(function, w.prefix) {
				return w.part
			}
		}
	}
	return ""
}
