package rules

import "time"

// spoolAlerts are about the way of an event from its answer to ClickHouse.
func spoolAlerts() []Alert {
	return []Alert{
		{
			Name: "ZgodaSpoolFull", Severity: Critical, For: 15 * time.Second, Explains: []string{Accepted, Fresh},
			Expr: `zgoda_spool_bytes / (zgoda_spool_limit_bytes > 0) > 0.9
or sum without (reason) (increase(zgoda_events_refused_total{reason="spool_full"}[1m])) > 0`,
			Summary:     "The spool is full: events are refused",
			Description: "{{ $labels.instance }} answers 503 until ClickHouse has taken enough. SDKs send again, browsers that are closed do not.",
		},
		{
			Name: "ZgodaSpoolFilling", Severity: Warning, For: 2 * time.Minute,
			Expr: `(
zgoda_spool_bytes / (zgoda_spool_limit_bytes > 0) > 0.5
or (
zgoda_spool_bytes / (zgoda_spool_limit_bytes > 0) > 0.3
and predict_linear(zgoda_spool_bytes[30m], 4 * 3600) > zgoda_spool_limit_bytes
unless on (instance) zgoda_clickhouse_away_seconds{server="first"} > 15
)
) unless on (instance) (
zgoda_spool_bytes / (zgoda_spool_limit_bytes > 0) > 0.9
or sum by (instance) (increase(zgoda_events_refused_total{reason="spool_full"}[1m])) > 0
)`,
			Summary:     "The spool fills",
			Description: "{{ $value | humanizePercentage }} of the spool of {{ $labels.instance }} is used, and more comes than ClickHouse takes. At its limit events are refused.",
		},
		{
			Name: "ZgodaSpoolDisk", Severity: Critical, For: 15 * time.Second, Explains: []string{Accepted, Durable},
			Expr: `zgoda_spool_failing == 1 or zgoda_spool_disk_wait_seconds > 5
or zgoda_spool_damaged > min_over_time(zgoda_spool_damaged[1h])
or (zgoda_spool_damaged > 0 and on (instance, job) time() - process_start_time_seconds < 3600)`,
			Summary:     "The spool's disk fails, hangs, or lost something",
			Description: "At {{ $labels.instance }} the disk refuses groups, keeps one waiting for more than 5 seconds, or a segment was damaged and set aside within the last hour.",
		},
		{
			Name: "ZgodaWriterStalled", Severity: Critical, For: 2 * time.Minute, Explains: []string{Fresh},
			Expr:        `zgoda_writer_stalled{why!="unreachable"} > 0 unless on (instance) zgoda_clickhouse_away_seconds{server="first"} > 15`,
			Summary:     "ClickHouse answers and takes no rows: {{ $labels.why }}",
			Description: "Events wait in the spool of {{ $labels.instance }} until somebody mends it. Nothing is lost before the spool is full.",
		},
		{
			Name: "ZgodaWriterBehind", Severity: Warning, For: 2 * time.Minute, Explains: []string{Fresh},
			Expr: `zgoda_spool_oldest_seconds > 120
unless on (instance) (zgoda_clickhouse_away_seconds{server="first"} > 15 or sum by (instance) (zgoda_writer_stalled) > 0 or zgoda_writer_held_seconds > 0
or zgoda_spool_bytes / (zgoda_spool_limit_bytes > 0) > 0.5)
unless on () ` + tooFast(Fresh),
			Summary:     "Events wait for minutes to be in ClickHouse",
			Description: "The oldest event in the spool of {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}. ClickHouse answers: more comes than it takes.",
		},
		{
			Name: "ZgodaQuarantine", Severity: Critical,
			Expr: `zgoda_writer_quarantine_full == 1`, Explains: []string{Durable, Fresh},
			Summary:     "The quarantine is full: a range of events waits",
			Description: "Rows that ClickHouse refuses have filled the quarantine of {{ $labels.instance }}. What comes behind them waits in the spool.",
		},
		{
			Name: "ZgodaQuarantine", Severity: Warning, Explains: []string{Durable},
			Expr: `(
increase(zgoda_writer_quarantined_total[1h]) > 0
or increase(zgoda_writer_unreadable_total[1h]) > 0
or sum without (fate) (increase(zgoda_later_resolved_total{fate="quarantined"}[1h])) > 0
or sum without (fate) (increase(zgoda_said_total{fate="quarantined"}[1h])) > 0
) unless on (instance) zgoda_writer_quarantine_full == 1
unless on () ` + tooFast(Durable),
			Summary:     "Events that were answered as taken are in the quarantine",
			Description: "About {{ $value | humanize }} events of {{ $labels.instance }} within an hour: refused for their content, or nobody can say any more whether they are stored.",
		},
		{
			Name: "ZgodaSealedFilling", Severity: Critical, For: 15 * time.Second, Explains: []string{Accepted, Fresh},
			Expr:        sealedFull,
			Summary:     "What waits for the keyholder is at its limit: events are refused",
			Description: "{{ $labels.instance }} answers 503 for people who are not in its memory, until the keyholder has decided what waits.",
		},
		{
			Name: "ZgodaSealedFilling", Severity: Warning, For: 2 * time.Minute,
			Expr: `(
zgoda_later_bytes / (zgoda_later_limit_bytes > 0) > 0.5
or zgoda_said_bytes / (zgoda_said_limit_bytes > 0) > 0.5
or (zgoda_said_oldest_seconds > 300 unless on (instance) zgoda_keyholder_away_seconds > 5)
) unless on (instance) (
` + sealedFull + `
)`,
			Summary:     "What waits for the keyholder fills its room",
			Description: "At {{ $labels.instance }} half of `sealed_limit` is used, or what contacts said of themselves has not got to the vault for 5 minutes although the keyholder answers.",
		},
	}
}

const sealedFull = `zgoda_later_bytes / (zgoda_later_limit_bytes > 0) > 0.9
or zgoda_said_bytes / (zgoda_said_limit_bytes > 0) > 0.9
or sum without (reason) (increase(zgoda_events_refused_total{reason="sealed_full"}[1m])) > 0`

// clickhouseAlerts are about ClickHouse itself, and about each server that has a copy.
func clickhouseAlerts() []Alert {
	return []Alert{
		{
			Name: "ZgodaClickHouseAway", Severity: Critical, For: 30 * time.Second, Explains: []string{Fresh},
			Expr:        `zgoda_clickhouse_away_seconds{server="first"} > 15`,
			Summary:     "ClickHouse does not answer",
			Description: "{{ $labels.instance }} has had no answer for {{ $value | humanizeDuration }}. Events wait in the spool; erasures and exports wait too.",
		},
		{
			Name: "ZgodaClickHouseAway", Severity: Warning, For: 2 * time.Minute,
			Expr: `zgoda_clickhouse_away_seconds > 15
unless zgoda_clickhouse_away_seconds{server="first"}
unless on (instance) zgoda_clickhouse_away_seconds{server="first"} > 15`,
			Summary:     "A replica of ClickHouse does not answer: {{ $labels.server }}",
			Description: "{{ $labels.instance }} has had no answer of {{ $labels.server }} for {{ $value | humanizeDuration }}. Events are stored; erasures, withdrawals from rows and rotations wait for it.",
		},
		{
			Name: "ZgodaClickHouseParts", Severity: Warning, For: 5 * time.Minute,
			Expr: `max by (server, table) (zgoda_clickhouse_parts / on (instance, server) group_left () (zgoda_clickhouse_parts_limit > 0)) > 0.5
or max by (server) (zgoda_clickhouse_mutation_oldest_seconds) > 3600
or max by (server, table) (zgoda_clickhouse_mutations_failed) > 0`,
			Summary:     "ClickHouse does not keep up with merges or mutations: {{ $labels.server }}",
			Description: "On {{ $labels.server }} a partition has more than half of the parts at which rows are refused, or a mutation fails or has waited for more than an hour: erasures wait for it.",
			Empty:       "the database's user may not read the tables of parts",
		},
	}
}
