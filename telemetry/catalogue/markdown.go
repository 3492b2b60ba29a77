package catalogue

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// titles are the headings of the groups.
var titles = map[string]string{
	"events": "Events", "gateway": "Requests", "collector": "Decisions", "consent": "Consent", "spool": "Spool and what waits",
	"writer": "Writer", "clickhouse": "ClickHouse", "keyholder": "The keyholder, as the gateway sees it", "rights": "Rights of people",
	"ledger": "Ledger", "process": "Process, disks and console",
}

const head = `# Metrics

This page is written from the code by ` + "`go generate ./telemetry/catalogue`" + `. A test of the running system holds it to
what is told: the same names, types, helps, labels and values.

The gateway tells its metrics at ` + "`/metrics`" + ` of its listener for operators (` + "`--ops`" + `, 127.0.0.1:8082), the keyholder at
` + "`--metrics HOST:PORT`" + ` (with ` + "`zgoda up`: `keyholder.metrics`" + `), both in clear: keep them on loopback. Both speak Prometheus' text and
OpenMetrics; the gateway speaks protobuf too, in which its histograms are native ones beside their classic form. How to
scrape, and dashboards and alerts by these metrics: [dashboards.md](dashboards.md). What is promised of them:
[decision 73](decisions/0073-what-metrics-promise.md).

- A counter begins at 0 with its process. All its series are there from the start, so that a first fault is a rise; ` + "`*`" + ` marks
  the few whose series come with their first value.
- A gauge that has nothing to tell is absent, but where its line says what 0 means.
- Labels are of closed sets, or of as many values as are said here. None is a path, a name, an address or a text that anybody
  sent. A site is a label up to 50 sites; the others are ` + "`other`" + `.
- Exemplars name a range of the spool as the log does, nothing of a person.
- Every event has one fate, and at every scrape:

` + "```" + `
received + recovered = stored + duplicate + quarantined + in_flight + sum(dropped) + sum(dropped_later) + sum(refused)
` + "```" + `

Both processes tell ` + "`process_*`" + ` (CPU, memory, file handles, start) and ` + "`go_goroutines`" + `; the gateway ` + "`go_*`" + ` and ` + "`promhttp_*`" + ` beside.
`

// Markdown writes docs/metrics.md.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString(head)
	process, in := Gateway, ""
	for _, m := range All() {
		if m.Process != process || m.Group != in {
			title := titles[m.Group]
			if m.Process == Keyholder {
				title = "In the keyholder"
			}
			if m.Process != process || m.Process == Gateway {
				fmt.Fprintf(&b, "\n## %s\n\n| metric | type | labels | what |\n| --- | --- | --- | --- |\n", title)
			}
			process, in = m.Process, m.Group
		}
		b.WriteString(row(m))
	}
	return b.Bytes()
}

func row(m Metric) string {
	name := "`" + m.Name + "`"
	if m.Sparse {
		name += " *"
	}
	what := m.Help
	if m.Note != "" {
		what += " " + m.Note
	}
	if m.When != "" {
		what += " With `" + m.When + "`."
	}
	if m.Type == Histogram {
		what += " Edges: " + edges(m.Buckets) + "."
	}
	labels := make([]string, len(m.Labels))
	for i, l := range m.Labels {
		labels[i] = l.text()
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", name, m.Type, strings.Join(labels, "<br>"), what)
}

// text is a label with its values, the long lists of which stand elsewhere.
func (l Label) text() string {
	if l.Values == nil {
		return fmt.Sprintf("`%s`: %s, at most %d", l.Name, l.Means, l.Bound)
	}
	return "`" + l.Name + "`: " + strings.Join(l.Values, ", ")
}

func edges(list []float64) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = strconv.FormatFloat(e, 'g', -1, 64)
	}
	return strings.Join(texts, ", ")
}
