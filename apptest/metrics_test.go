package apptest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/openmetrics"
	"zgoda/mail/mailtest"
	"zgoda/telemetry/catalogue"
)

// everythingOn is a configuration with every part that has metrics of its own.
const everythingOn = `
keyholder: {metrics: %q}
ledger: {name: shop.example/zgoda, checkpoint_entries: 1, anchors: {file: %q}}
mail: {host: 127.0.0.1, port: %d, tls: none, from: consent@shop.example, links: "http://127.0.0.1:8080"}
sites:
  - {id: counts, keys: {public: [pk_counts_1]}, cookieless: daily, %s}
`

// everythingNext is the candidate policy.
const everythingNext = `
sites:
  - {id: counts, keys: {public: [pk_counts_1]}, cookieless: daily, signals: {gpc: {analytics: refuse}}, %s}
`

// needsElsewhere are settings that the test's system has not: certificates are of a
// keyholder on another machine.
var needsElsewhere = []string{"keyholder.address"}

// onlyElsewhere are values that this system does not tell at its start: of parts that
// it has not, and of callers who are turned away.
var onlyElsewhere = []string{
	"child=kek", "anchor=log", "anchor=mail", "role=none", "act=connect", "act=none",
	"zgoda_keyholder_quota_refused_total role=administrator",
}

// TestMetricsAreAsTheCatalogueSays: what both processes of a system with every part
// switched on tell is valid OpenMetrics, and is the list of the docs: no metric more,
// none less, with these types, helps, labels, values and edges. Nothing in it looks
// like a person's.
func TestMetricsAreAsTheCatalogueSays(t *testing.T) {
	t.Parallel()
	post1, dir, keyholder := mailtest.Start(t, mailtest.Options{}), t.TempDir(), freeAddress(t)
	config, candidate := filepath.Join(dir, "zgoda.yaml"), filepath.Join(dir, "next.yaml")
	for path, text := range map[string]string{
		config:    fmt.Sprintf(everythingOn, keyholder, filepath.Join(dir, "anchors"), post1.Port, cookielessSite),
		candidate: fmt.Sprintf(everythingNext, cookielessSite),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := up(t, "--config", config, "--candidate", candidate)
	told := func(address string) toldMetrics { return toldBy(t, address) }

	// Before anything happens: whatever may rise is there with 0.
	var gateway toldMetrics
	eventually(t, 40*time.Second, "all that is measured in the background is told", func() bool {
		gateway = told(s.ops)
		return len(gateway.missing(catalogue.Gateway)) == 0
	})
	for _, m := range gateway.missing(catalogue.Gateway) {
		t.Errorf("not told: %s", m)
	}
	keys := told("http://" + keyholder)
	for _, m := range keys.missing(catalogue.Keyholder) {
		t.Errorf("not told: %s", m)
	}
	gateway.complete(t, catalogue.Gateway)
	keys.complete(t, catalogue.Keyholder)

	// After something of each kind has happened, nothing else is told.
	s.someOfEach(t)
	told(s.ops).agree(t, catalogue.Gateway)
	told("http://"+keyholder).agree(t, catalogue.Keyholder)
}

// someOfEach does a few things that counters with names in their labels are about.
func (s *stack) someOfEach(t *testing.T) {
	t.Helper()
	dayEvent{name: "Seen", key: "pk_counts_1", address: "203.0.113.9", agent: dayAgent}.send(t, s)
	dayEvent{name: "Refused", key: "pk_counts_1", address: "203.0.113.9", agent: dayAgent, headers: map[string]string{"Sec-GPC": "1"}}.send(t, s)
	_, _ = post(t, s.public+"/e", `{"key":"pk_jana@person.example"}`, map[string]string{"Origin": "https://shop.example"})
	_, _ = send(t, http.MethodGet, s.public+"/jana@person.example/203.0.113.9", "", nil)
	answer, found := post(t, s.console+"/api/v1/sites/counts/contacts:find", `{"identifier":"email:jana@person.example"}`, s.local(t))
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("find: %d %s", answer.StatusCode, found)
	}
	_, _ = post(t, s.console+"/api/v1/sites/jana@person.example/contacts:find", `{}`, s.local(t))
	if _, _, code := s.zgoda(t, "", "sql", "--data", s.data, "SELECT jana"); code == 0 {
		t.Error("a query that is none was answered")
	}
	s.settled(t, 20*time.Second)
}

// toldMetrics is what one process told, by the names of the catalogue.
type toldMetrics map[string]openmetrics.Family

// toldBy asks for OpenMetrics and reads it strictly.
func toldBy(t *testing.T, address string) toldMetrics {
	t.Helper()
	families, err := openmetrics.Parse(openMetrics(t, address))
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	all := toldMetrics{}
	for _, f := range families {
		if f.Type == "counter" {
			f.Name += "_total"
		}
		all[f.Name] = f
	}
	return all
}

// openMetrics is the text of a scrape, exemplars too.
func openMetrics(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0; charset=utf-8") {
		t.Errorf("%s is %q", address, got)
	}
	return string(body)
}

// missing names what the list has and the process does not tell.
func (s toldMetrics) missing(p catalogue.Process) (names []string) {
	for _, m := range catalogue.All() {
		if f, there := s[m.Name]; m.Process == p && !m.Sparse && !slices.Contains(needsElsewhere, m.When) && (!there || len(f.Samples) == 0) {
			names = append(names, m.Name)
		}
	}
	return names
}

// complete checks that each value of each label is told from the start.
func (s toldMetrics) complete(t *testing.T, p catalogue.Process) {
	t.Helper()
	for _, m := range catalogue.All() {
		if m.Process != p || m.Sparse || slices.Contains(needsElsewhere, m.When) {
			continue
		}
		for _, l := range m.Labels {
			for _, v := range l.Values {
				if !slices.ContainsFunc(s[m.Name].Samples, func(x openmetrics.Sample) bool { return x.Labels[l.Name] == v }) &&
					!slices.Contains(onlyElsewhere, l.Name+"="+v) && !slices.Contains(onlyElsewhere, m.Name+" "+l.Name+"="+v) {
					t.Errorf("%s{%s=%q} is not there from the start", m.Name, l.Name, v)
				}
			}
		}
	}
}

// agree checks all that is told against the list.
func (s toldMetrics) agree(t *testing.T, p catalogue.Process) {
	t.Helper()
	for name, f := range s {
		if !strings.HasPrefix(name, "zgoda_") {
			if !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "promhttp_") {
				t.Errorf("%s is nobody's", name)
			}
			continue
		}
		m, ok := catalogue.Find(name)
		if !ok || m.Process != p || m.Name != name {
			t.Errorf("the %s tells %s, which is not in the list", p, name)
			continue
		}
		if f.Type != string(m.Type) || f.Help != m.Help {
			t.Errorf("%s is a %s: %q; the list says %s: %q", name, f.Type, f.Help, m.Type, m.Help)
		}
		labelsAgree(t, m, f)
		edgesAgree(t, m, f)
	}
	for _, name := range []string{"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds", "go_goroutines"} {
		if f, there := s[name]; !there || f.Samples[0].Value <= 0 {
			t.Errorf("the %s does not tell %s", p, name)
		}
	}
}

// personal is what a label's value must not look like: a mail address, an address of
// the network, an id, a URL, a path.
var personal = regexp.MustCompile(`@|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F]*:|[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-fA-F]{16,}|/|\s`)

func labelsAgree(t *testing.T, m catalogue.Metric, f openmetrics.Family) {
	t.Helper()
	var want []string
	seen := map[string]map[string]bool{}
	for _, l := range m.Labels {
		want, seen[l.Name] = append(want, l.Name), map[string]bool{}
	}
	slices.Sort(want)
	for i := range f.Samples {
		x := &f.Samples[i]
		names := slices.Sorted(maps.Keys(x.Labels))
		if names = slices.DeleteFunc(names, func(n string) bool { return n == "le" && m.Type == catalogue.Histogram }); !slices.Equal(names, want) {
			t.Fatalf("%s has the labels %v; the list says %v", m.Name, names, want)
		}
		for _, l := range m.Labels {
			v := x.Labels[l.Name]
			seen[l.Name][v] = true
			if l.Values != nil && !slices.Contains(l.Values, v) {
				t.Errorf("%s{%s=%q} is not in the list", m.Name, l.Name, v)
			}
			if personal.MatchString(v) || len(v) > 40 {
				t.Errorf("%s{%s=%q} may be somebody's", m.Name, l.Name, v)
			}
		}
	}
	for _, l := range m.Labels {
		if l.Values == nil && len(seen[l.Name]) > l.Bound {
			t.Errorf("%s has %d values of %s; the list says at most %d", m.Name, len(seen[l.Name]), l.Name, l.Bound)
		}
	}
}

func edgesAgree(t *testing.T, m catalogue.Metric, f openmetrics.Family) {
	t.Helper()
	edges := map[float64]bool{}
	for i := range f.Samples {
		if le, ok := f.Samples[i].Labels["le"]; ok && le != "+Inf" {
			edge, err := strconv.ParseFloat(le, 64)
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
			}
			edges[edge] = true
		}
	}
	if got := slices.Sorted(maps.Keys(edges)); !slices.Equal(got, m.Buckets) {
		t.Errorf("%s has the edges %v; the list says %v", m.Name, got, m.Buckets)
	}
}
