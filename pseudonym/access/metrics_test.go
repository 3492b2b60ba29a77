package access

import (
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/role"
)

// TestAlarmsFindTheirZero: a counter that came with its first count would show no
// rise.
func TestAlarmsFindTheirZero(t *testing.T) {
	var set meter.Set
	newMetrics(&set)
	var b strings.Builder
	if _, err := set.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`zgoda_keyholder_refused_total{why="replay"} 0`, `zgoda_keyholder_refused_total{why="approval"} 0`,
		`zgoda_keyholder_quota_refused_total{role="rights",limit="erasures"} 0`, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="mints"} 0`,
		`zgoda_keyholder_reveals_total{outcome="waiting"} 0`, `zgoda_keyholder_incident_drafts_total{kind="guesses"} 0`,
		`zgoda_keyholder_calls_total{role="pseudonymise",act="resolve",outcome="refused"} 0`,
		`zgoda_keyholder_calls_total{role="rights",act="reveal",outcome="failed"} 0`,
		`zgoda_keyholder_calls_total{role="administrator",act="ready",outcome="done"} 0`,
		`zgoda_keyholder_batch_rows_count{role="pseudonymise"} 0`,
		`zgoda_keyholder_serve_seconds_count{role="pseudonymise",act="resolve"} 0`,
		`zgoda_keyholder_serve_seconds_count{role="administrator",act="backup"} 0`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("not there: %s", want)
		}
	}
	if strings.Contains(b.String(), `role="pseudonymise",act="reveal"`) {
		t.Error("a role is told of what it may not do")
	}
}

func TestCallsAreMeasured(t *testing.T) {
	var set meter.Set
	m := newMetrics(&set)
	a := admitted{act: act{name: "resolve", counted: true}, caller: role.Caller{Role: role.Pseudonymise}, began: time.Now().Add(-2 * time.Second)}
	m.settled(&a, &Tally{Rows: 100}, "done")
	m.settled(&a, &Tally{}, "refused")
	var b strings.Builder
	if _, err := set.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`zgoda_keyholder_batch_rows_bucket{role="pseudonymise",le="64"} 0`, `zgoda_keyholder_batch_rows_bucket{role="pseudonymise",le="128"} 1`,
		`zgoda_keyholder_serve_seconds_bucket{role="pseudonymise",act="resolve",le="1"} 0`, `zgoda_keyholder_serve_seconds_bucket{role="pseudonymise",act="resolve",le="5"} 2`,
		`zgoda_keyholder_calls_total{role="pseudonymise",act="resolve",outcome="done"} 1`, `zgoda_keyholder_calls_total{role="pseudonymise",act="resolve",outcome="refused"} 1`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("not there: %s\n%s", want, b.String())
		}
	}
}
