package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/telemetry/catalogue"
)

// line is a series' value over time; NaN where it is not there.
type line func(at time.Duration) float64

func flat(v float64) line { return func(time.Duration) float64 { return v } }

// during is v between two times and rest else.
func during(from, to time.Duration, v, rest float64) line {
	return func(at time.Duration) float64 {
		if at >= from && at < to {
			return v
		}
		return rest
	}
}

// jump is a counter that rises once.
func jump(at time.Duration, by float64) line { return during(at, math.MaxInt64, by, 0) }

// climb is a counter that rises by so much a second between two times.
func climb(from, to time.Duration, each float64) line {
	return func(at time.Duration) float64 { return math.Round(each * max(0, min(at, to)-from).Seconds()) }
}

// since is a gauge that tells how long something has lasted.
func since(from, to time.Duration) line {
	return func(at time.Duration) float64 {
		if at >= from && at < to {
			return (at - from).Seconds()
		}
		return 0
	}
}

const always = time.Duration(math.MaxInt64)

var nan = math.NaN()

// world is what Prometheus was told: series by name and labels, without those that
// say who told it.
type world map[string]line

// fates are what became of events, in the order of I5.
var fates = []string{
	"zgoda_events_stored_total", "zgoda_events_duplicate_total", "zgoda_events_quarantined_total", "zgoda_events_in_flight",
	`zgoda_events_dropped_total{reason="consent"}`, `zgoda_events_dropped_later_total{reason="withdrawn"}`,
	`zgoda_events_refused_total{reason="malformed"}`, `zgoda_events_refused_total{reason="spool_full"}`,
	`zgoda_events_refused_total{reason="sealed_full"}`, `zgoda_events_refused_total{reason="internal"}`,
}

// zeros are there and rest at 0 in a healthy system.
var zeros = []string{
	"zgoda_keyholder_away_seconds", "zgoda_restore_gate", "zgoda_gateway_panics_total", "zgoda_keyholder_panics_total",
	`zgoda_child_restarts_total{child="clickhouse"}`, `zgoda_child_restarts_total{child="keyholder"}`,
	"zgoda_events_in_hand", "zgoda_spool_waiting_records", "zgoda_later_waiting_records",
	"zgoda_events_recovered_total", "zgoda_spool_failing", "zgoda_spool_damaged", "zgoda_spool_disk_wait_seconds",
	`zgoda_writer_stalled{why="unreachable"}`, `zgoda_writer_stalled{why="login"}`, "zgoda_writer_held_seconds",
	"zgoda_writer_quarantine_full", "zgoda_writer_quarantined_total", "zgoda_writer_unreadable_total",
	`zgoda_later_resolved_total{fate="quarantined"}`, `zgoda_said_total{fate="quarantined"}`,
	"zgoda_later_bytes", "zgoda_said_bytes", "zgoda_later_oldest_seconds", "zgoda_said_oldest_seconds",
	`zgoda_clickhouse_away_seconds{server="first"}`, `zgoda_clickhouse_away_seconds{server="replica_1"}`,
	`zgoda_clickhouse_mutation_oldest_seconds{server="first"}`, `zgoda_clickhouse_mutation_oldest_seconds{server="replica_1"}`,
	`zgoda_clickhouse_mutations_failed{server="first",table="events"}`, `zgoda_clickhouse_mutations_failed{server="replica_1",table="events"}`,
	`zgoda_keyholder_refused_total{why="role"}`, `zgoda_keyholder_refused_total{why="busy"}`,
	`zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="unknown"}`, `zgoda_keyholder_incident_drafts_total{kind="reveals"}`,
	"zgoda_keyholder_kek_unreached", "zgoda_rekey_open", "zgoda_rekey_failures_total",
	"zgoda_control_away_seconds", `zgoda_requests_overdue{right="access"}`, `zgoda_requests_overdue{right="erasure"}`,
	`zgoda_requests{right="access",state="failed"}`, `zgoda_requests_open{age="older",right="access"}`, "zgoda_notices_failed_total",
	"zgoda_erasure_late", `zgoda_erasure_failures_total{step="fenced"}`, "zgoda_retention_run_failures", `zgoda_retention_past{what="rows"}`,
	"zgoda_ledger_checkpoint_failures_total", `zgoda_ledger_anchor_failures_total{anchor="file"}`, `zgoda_clock_skew_seconds{peer="clickhouse"}`,
	`zgoda_clock_skew_seconds{peer="replica_1"}`, `zgoda_clock_skew_seconds{peer="keyholder"}`, `zgoda_clock_skew_seconds{peer="control"}`,
	"zgoda_gateway_body_bytes", "zgoda_subjects_waiting", "zgoda_writer_quarantine_bytes",
}

const gib = 1 << 30

// healthy is a system that works and has some of everything, with ten events a
// second and a change of mind each ten seconds.
func healthy() world {
	w := resting()
	w["zgoda_events_stored_total"] = climb(0, always, 10)
	w[`zgoda_events_dropped_total{reason="consent"}`] = climb(0, always, 4)
	w[`zgoda_events_refused_total{reason="malformed"}`] = climb(0, always, 1)
	w.changes(climb(0, always, 0.1), flat(0))
	return w
}

// resting is a healthy system to which nobody comes.
func resting() world {
	w := world{
		`up{job="zgoda"}`: flat(1), `up{job="zgoda-keyholder"}`: flat(1), "zgoda_ready": flat(1),
		"process_start_time_seconds": flat(-7200), // time begins at 0
		"zgoda_spool_bytes":          flat(64 << 20), "zgoda_spool_limit_bytes": flat(4 * gib), "zgoda_spool_oldest_seconds": flat(0.2),
		"zgoda_later_limit_bytes": flat(gib / 4), "zgoda_said_limit_bytes": flat(gib / 4), "zgoda_writer_quarantine_limit_bytes": flat(gib),
		"zgoda_gateway_body_bytes_limit": flat(gib), "zgoda_gateway_connections": flat(20), "zgoda_gateway_connections_limit": flat(10_000),
		"zgoda_subjects_waiting_limit":                          flat(100_000),
		`zgoda_clickhouse_parts{server="first",table="events"}`: flat(30), `zgoda_clickhouse_parts_limit{server="first"}`: flat(3000),
		`zgoda_clickhouse_parts{server="replica_1",table="events"}`: flat(30), `zgoda_clickhouse_parts_limit{server="replica_1"}`: flat(300),
		`zgoda_clickhouse_disk_free_bytes{server="first"}`: flat(50 * gib), `zgoda_clickhouse_disk_size_bytes{server="first"}`: flat(100 * gib),
		`zgoda_clickhouse_disk_free_bytes{server="replica_1"}`: flat(50 * gib), `zgoda_clickhouse_disk_size_bytes{server="replica_1"}`: flat(100 * gib),
		`zgoda_disk_free_bytes{folder="spool"}`: flat(50 * gib), `zgoda_disk_size_bytes{folder="spool"}`: flat(100 * gib),
		"zgoda_keyholder_rewrap_age_seconds": flat(40_000), "zgoda_daily_key_held": flat(1),
		`zgoda_certificate_expires_seconds{role="rights"}`: flat(60_000), `zgoda_certificate_life_seconds{role="rights"}`: flat(86_400),
		`zgoda_requests_deadline_days{right="access"}`:   flat(20),
		`zgoda_requests_open{age="week",right="access"}`: flat(5),
		"zgoda_retention_run_timestamp_seconds":          func(at time.Duration) float64 { return max(1, at.Truncate(24*time.Hour).Seconds()) },
	}
	for _, name := range append(slices.Clone(zeros), fates...) {
		w[name] = flat(0)
	}
	w.changes(flat(0), flat(0))
	return w
}

// changes sets how many changes of mind were enforced here, and how many of them late.
// An edge is written in both ways.
func (w world) changes(all, late line) {
	const here, elsewhere = "zgoda_withdrawal_to_enforced_seconds", "zgoda_withdrawal_to_enforced_elsewhere_seconds"
	good := func(at time.Duration) float64 { return all(at) - late(at) }
	w[here+"_count"], w[here+`_bucket{le="1.0"}`], w[here+`_bucket{le="2.5"}`] = all, good, all
	w[elsewhere+"_count"], w[elsewhere+`_bucket{le="1"}`], w[elsewhere+`_bucket{le="10"}`] = flat(0), flat(0), flat(0)
}

// with returns the world with some series changed; nil takes one out.
func (w world) with(changed world) world {
	w = maps.Clone(w)
	for name, l := range changed {
		if l == nil {
			l = flat(math.NaN())
		}
		w[name] = l
	}
	return w
}

// told are the series as promtool reads them. Every event has its fate, unless the
// number of those that came is said.
func (w world) told(t *testing.T, every, length time.Duration) map[string]string {
	t.Helper()
	if w["zgoda_events_received_total"] == nil && w["zgoda_events_stored_total"] != nil {
		w = w.with(world{"zgoda_events_received_total": func(at time.Duration) (sum float64) {
			for _, name := range fates {
				if v := w[name](at); !math.IsNaN(v) {
					sum += v
				}
			}
			return sum
		}})
	}
	told := map[string]string{}
	for name, l := range w {
		told[full(t, name)] = values(l, every, length)
	}
	return told
}

// full adds who tells a series.
func full(t *testing.T, name string) string {
	t.Helper()
	base, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	who := `instance="gateway:8082",job="zgoda"`
	switch {
	case strings.HasPrefix(labels, `job="zgoda-keyholder"`):
		who, labels = `instance="keyholder:8083",job="zgoda-keyholder"`, ""
	case strings.Contains(labels, "job="):
		labels = ""
	case strings.Contains(labels, "instance="):
		who = `job="zgoda"`
	case strings.HasPrefix(base, "zgoda_"):
		if err := catalogue.Check(name); err != nil {
			t.Fatalf("a test tells of what there is not: %v", err)
		}
		if m, _ := catalogue.Find(base); m.Process == catalogue.Keyholder {
			who = `instance="keyholder:8083",job="zgoda-keyholder"`
		}
	}
	if labels != "" {
		who += "," + labels
	}
	return base + "{" + who + "}"
}

// values writes a line as promtool reads it.
func values(l line, every, length time.Duration) string {
	var parts []string
	var last string
	repeated := 0
	flush := func() {
		switch {
		case last == "":
		case repeated == 0:
			parts = append(parts, last)
		default:
			parts = append(parts, fmt.Sprintf("%sx%d", last, repeated))
		}
	}
	for at := time.Duration(0); at <= length; at += every {
		v := "_"
		if f := l(at); !math.IsNaN(f) {
			v = fmt.Sprint(f)
			if math.Abs(f) >= 1e15 || f == math.Trunc(f) {
				v = fmt.Sprintf("%.0f", f)
			}
		}
		if v == last {
			repeated++
			continue
		}
		flush()
		last, repeated = v, 0
	}
	flush()
	return strings.Join(parts, " ")
}
