package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/dashboards/rules"
	"zgoda/doctor"
	"zgoda/pseudonym"
	"zgoda/retention"
	"zgoda/telemetry/catalogue"
)

func serve(t *testing.T, text string) string { t.Helper(); return serveAt(t, text, 0) }

// serveAt serves metrics by a clock that is ahead of ours.
func serveAt(t *testing.T, text string, ahead time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = "the spool is full\n"
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// holder is a keyholder.
type holder struct {
	status pseudonym.Status
	seals  pseudonym.Seals
	err    error // of the log of calls
	away   error
}

func (h *holder) Status(context.Context) (pseudonym.Status, error)    { return h.status, h.away }
func (h *holder) CheckCalls(context.Context) (pseudonym.Seals, error) { return h.seals, h.err }

// world is a system that is well until a test breaks it.
type world struct {
	data     string
	metrics  map[string]string // sample: value
	keys     map[string]string // of the keyholder
	settings doctor.Settings
	wrong    error // with the configuration
	answer   doctor.Answer
	asked    error
	holder   holder
	waiting  int
	offline  bool
	stopped  bool
	ahead    time.Duration // its clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{data: filepath.Join(t.TempDir(), "data"), settings: doctor.Settings{Given: true}}
	for _, folder := range []string{"spool", "control", "keyholder", "run", "journal/quarantine"} {
		if err := os.MkdirAll(filepath.Join(w.data, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.file(t, "control/control.db", 0o600)
	w.metrics = map[string]string{
		"zgoda_ready": "1", `zgoda_build_info{goversion="go",version="v1"}`: "1", `zgoda_child_up{child="clickhouse"}`: "1",
		"zgoda_spool_bytes": "1", "zgoda_spool_limit_bytes": "1e10", `zgoda_clickhouse_away_seconds{server="first"}`: "0",
		`zgoda_clickhouse_parts_limit{server="first"}`: "3000", `zgoda_clickhouse_parts{server="first",table="events"}`: "3", `zgoda_clock_skew_seconds{peer="keyholder"}`: "-0.4",
		`zgoda_clock_skew_seconds{peer="clickhouse"}`: "0.01", "process_start_time_seconds": fmt.Sprint(time.Now().Add(-48 * time.Hour).Unix()),
		"zgoda_events_in_flight": "9", "zgoda_events_in_hand": "4", "zgoda_spool_waiting_records": "6", // some are answered soon
		"zgoda_ledger_checkpoint_number": "7", `zgoda_writer_stalled{why="schema"}`: "0", `zgoda_requests_overdue{right="access"}`: "0",
	}
	w.keys = map[string]string{`zgoda_keyholder_build_info{version="v1"}`: "1", `zgoda_keyholder_refused_total{why="peer"}`: "0"}
	w.answer.Findings = []doctor.Finding{{Check: "ledger", Level: doctor.OK, What: "the chain holds"}, {Check: "retention", Level: doctor.OK}}
	now := time.Now()
	w.holder = holder{
		status: pseudonym.Status{Calls: 5, Rewrapped: now.Add(-time.Hour), Keys: []pseudonym.KeyStatus{{Key: "gate", State: "current", Made: now.Add(-time.Hour)}}},
		seals:  pseudonym.Seals{Last: 6, Sealed: 5, Seals: 1},
	}
	return w
}

func (w *world) file(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(w.data, name)
	if err := os.WriteFile(path, []byte("x"), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask took something
		t.Fatal(err)
	}
}

func text(samples map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		fmt.Fprintf(&b, "# HELP x y\n%s %s\n", name, samples[name])
	}
	return b.String()
}

func (w *world) look(t *testing.T) doctor.Report {
	t.Helper()
	gateway := serveAt(t, text(w.metrics), w.ahead)
	settings := w.settings
	settings.KeyholderMetrics = strings.TrimPrefix(serve(t, text(w.keys)), "http://")
	deps := doctor.Deps{
		Data: w.data, Version: "v1", Offline: w.offline, Keyholder: &w.holder,
		Settings: func() (doctor.Settings, error) { return settings, w.wrong },
		Ops:      func() (string, error) { return gateway, nil },
		Ask:      func(context.Context) (doctor.Answer, error) { return w.answer, w.asked },
		Waiting:  func(context.Context) (int, error) { return w.waiting, nil },
	}
	if w.stopped {
		deps.Ops = func() (string, error) { return "", doctor.ErrNotRunning }
		deps.Ask = func(context.Context) (doctor.Answer, error) { return doctor.Answer{}, doctor.ErrNotRunning }
		deps.Keyholder = nil
	}
	return doctor.Run(t.Context(), doctor.Checks(deps), 5*time.Second)
}

// disks leaves out what this machine's own disk says.
func disks(list []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(list), func(f doctor.Finding) bool { return f.Check == "disk" && strings.Contains(f.What, "/data has") })
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	disk("spool", 40<<30, 1000<<30)(t, w) // little as a part, and much
	w.ahead = -1500 * time.Millisecond    // which is told in whole seconds
	r := w.look(t)
	var checks []string
	for _, f := range r.Findings {
		if f.Level != doctor.OK && len(disks([]doctor.Finding{f})) > 0 {
			t.Errorf("%+v", f)
		}
		if len(checks) == 0 || checks[len(checks)-1] != f.Check {
			checks = append(checks, f.Check)
		}
	}
	if !slices.Equal(checks, doctor.Names()) {
		t.Errorf("%q", checks)
	}
}

// TestOffline: without a process files, configuration and disk are looked at, and the
// rest is said to be left out.
func TestOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offline = true
	for _, f := range disks(w.look(t).Findings) {
		known := slices.Contains([]string{"configuration", "files", "disk"}, f.Check)
		if f.Level != doctor.Skipped && (!known || f.Level != doctor.OK) {
			t.Errorf("%+v", f)
		}
	}
	w.offline, w.stopped = false, true
	r := w.look(t)
	for _, f := range disks(r.Findings) {
		if f.Check == "process" && f.Level != doctor.Problem || f.Check == "ledger" && f.Level != doctor.Skipped || f.Level == doctor.Failed {
			t.Errorf("%+v", f)
		}
	}
	if r.Code() != doctor.CodeProblem {
		t.Errorf("code %d", r.Code())
	}
}

var sourceMetric = regexp.MustCompile(`"(zgoda_[a-z0-9_]+)"`)

// TestNamesExist: every metric that is read is one that is promised, and every page
// that is named is an alert's.
func TestNamesExist(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read, pages := 0, regexp.MustCompile(`Zgoda[A-Z]\w+`)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sourceMetric.FindAllStringSubmatch(string(source), -1) {
			if _, ok := catalogue.Find(m[1]); !ok {
				t.Errorf("%s reads %s, which is not in the catalogue", name, m[1])
			}
			read++
		}
		for _, page := range pages.FindAllString(string(source), -1) {
			if !slices.Contains(rules.Names(), page) {
				t.Errorf("%s names %s, which is no alert", name, page)
			}
		}
	}
	if read < 30 {
		t.Errorf("only %d metrics were found", read)
	}
}

var errLog = errors.New("entry 3 is not the one that was written")

func past(what string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) {
		w.answer.Past = []retention.Finding{{What: what, Text: "something of " + what}}
	}
}

func metric(sample, value string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.metrics[sample] = value }
}

func key(sample, value string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.keys[sample] = value }
}
