package catalogue

import (
	"strings"
	"testing"
)

func TestCheckTakesGoodExpressions(t *testing.T) {
	for _, expr := range []string{
		`sum by (reason) (rate(zgoda_events_refused_total{instance=~"$instance"}[$range]))`,
		`1 - zgoda_withdrawal_to_enforced_seconds_bucket{le=~"1(\\.0)?"} / zgoda_withdrawal_to_enforced_seconds_count`,
		`zgoda_writer_delay_seconds_bucket{le="10"}`,
		`histogram_quantile(0.99, sum by (le, route) (rate(zgoda_gateway_request_seconds_bucket[5m])))`,
		`zgoda_spool_bytes / zgoda_spool_limit_bytes > 0.5 unless on() (ALERTS{alertstate="firing",explains=~".*,fresh,.*"})`,
		`zgoda:slo_errors:ratio_rate5m{slo="fresh"} > on (slo) zgoda:slo_objective:ratio`,
		`max by (job) (up == 0) and on() zgoda_keyholder_away_seconds > 5`,
		`zgoda_writer_stalled{why!="unreachable"} > 0`,
		`process_cpu_seconds_total{job="zgoda"} + go_goroutines`,
		`label_replace(zgoda_later_bytes, "what", "later", "", "")`,
		`zgoda_requests{state=~"failed|paused", right=~".+"}`,
	} {
		if err := Check(expr); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

func TestCheckFindsFaults(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(zgoda_event_stored_total[1m])`:                             "no such metric",
		`zgoda_spool_commit_seconds`:                                     "_bucket",
		`zgoda_spool_bytes_bucket`:                                       "no such metric",
		`rate(zgoda_spool_bytes[5m])`:                                    "of a gauge",
		`sum(increase( zgoda_writer_stalled{why="disk"}[5m]))`:           "of a gauge",
		`zgoda_events_refused_total{raeson="spool_full"}`:                "has no label raeson",
		`zgoda_events_refused_total{reason="spoolfull"}`:                 `never "spoolfull"`,
		`zgoda_events_refused_total{reason!="spoolfull"}`:                `never "spoolfull"`,
		`zgoda_events_refused_total{reason=~"spool_full|sealedfull"}`:    `never matches "sealedfull"`,
		`zgoda_spool_bytes{instance="a",fate="b"}`:                       "has no label fate",
		`zgoda_withdrawal_to_enforced_seconds_bucket{le="1.5"}`:          `never "1.5"`,
		`zgoda_withdrawal_to_enforced_seconds_count{le="1"}`:             "has no label le",
		`sum by (rigth) (zgoda_requests_open)`:                           "label rigth",
		`zgoda_spool_bytes / ignoring(reason) zgoda_spool_limit_bytes`:   "label reason",
		`zgoda_spool_bytes > 1 or zgoda_later_byte{instance="}"} > "x" `: "zgoda_later_byte: no such",
	} {
		if err := Check(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", expr, err, want)
		}
	}
}
