package rules

import "time"

const (
	quota    = `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="unknown"}`
	lifeLeft = `zgoda_certificate_expires_seconds{role="rights"}`
	nextDue  = `zgoda_requests_deadline_days{right="access"}`
)

var keyFaults = []fault{
	{ // it tells no metrics either
		alert: "ZgodaKeyholderAway critical", bad: all(gauge("zgoda_keyholder_away_seconds", 6, 0), gauge(`up{job="zgoda-keyholder"}`, 0, 1)),
		near: all(gauge("zgoda_keyholder_away_seconds", 4, 0), brief(`up{job="zgoda-keyholder"}`, 1, 1, m)),
	},
	{
		alert: "ZgodaKeyholderRefusals critical", bad: rises(`zgoda_keyholder_refused_total{why="role"}`, 1), ends: 15 * m,
		near: rises(`zgoda_keyholder_refused_total{why="busy"}`, 20),
	},
	{alert: "ZgodaKeyholderQuota warning", bad: rises(quota, 1), ends: 15 * m, near: stays(quota, 3)},
	{ // 72 hours, and a restart of Prometheus between two of them says it again
		alert: "ZgodaIncidentDraft critical", bad: rises(`zgoda_keyholder_incident_drafts_total{kind="reveals"}`, 1), ends: open,
		near: stays(`zgoda_keyholder_incident_drafts_total{kind="reveals"}`, 2),
	},
	{
		alert: "ZgodaKeysOld warning", bad: gauge("zgoda_keyholder_rewrap_age_seconds", 100_100, 40_000),
		near: gauge("zgoda_keyholder_rewrap_age_seconds", 90_000, 40_000),
	},
	{
		alert: "ZgodaKeysOld warning", bad: gauge("zgoda_keyholder_kek_unreached", 1, 0),
		near: gauge("zgoda_keyholder_kek_unreached", 1, 0), // for less than a quarter of an hour
	},
	{alert: "ZgodaKeysOld warning", bad: gauge("zgoda_daily_key_held", 0, 1), near: missing("zgoda_daily_key_held")},
	{alert: "ZgodaCertificateExpiring critical", bad: gauge(lifeLeft, 20_000, 60_000), near: gauge(lifeLeft, 22_000, 60_000)},
	{
		alert: "ZgodaRotationStuck warning", bad: all(stays("zgoda_rekey_open", 1), climbs("zgoda_rekey_failures_total", 0.1)), after: tick, ends: 15*m + tick,
		near: climbs("zgoda_rekey_failures_total", 0.1), // of a rotation that is done
	},
	{alert: "ZgodaRotationStuck warning", bad: gauge("zgoda_writer_held_seconds", 700, 0), near: gauge("zgoda_writer_held_seconds", 500, 0)},
}

var rightsFaults = []fault{
	{
		alert: "ZgodaControlAway critical", bad: gauge("zgoda_control_away_seconds", 6, 0),
		near: gauge("zgoda_control_away_seconds", 4, 0),
	},
	{
		alert: "ZgodaRequestOverdue critical", bad: all(gauge(`zgoda_requests_overdue{right="erasure"}`, 2, 0), gauge(nextDue, -1, 20)),
		near: gauge(`zgoda_requests_open{age="older",right="access"}`, 2, 0), // two that were extended
	},
	{alert: "ZgodaRequestDueSoon critical", bad: gauge(nextDue, 1.5, 20), near: gauge(nextDue, 7.5, 20)},
	{alert: "ZgodaRequestDueSoon warning", bad: gauge(nextDue, 6, 20), near: missing(nextDue)},
	{
		alert: "ZgodaRequestFailed warning", bad: gauge(`zgoda_requests{right="access",state="failed"}`, 1, 0),
		near: gauge(`zgoda_requests{right="access",state="denied"}`, 1, 0),
	},
	{alert: "ZgodaRequestFailed warning", bad: rises("zgoda_notices_failed_total", 1), ends: open, near: stays("zgoda_notices_failed_total", 3)},
	{alert: "ZgodaErasureLate critical", bad: gauge("zgoda_erasure_late", 1, 0), near: brief("zgoda_erasure_late", 1, 0, m)},
	{
		alert: "ZgodaErasureLate critical", bad: rises(`zgoda_erasure_failures_total{step="fenced"}`, 5), ends: 15 * m,
		near: rises(`zgoda_erasure_failures_total{step="fenced"}`, 2),
	},
	{
		alert: "ZgodaRetentionStale warning", bad: gauge(`zgoda_retention_past{what="rows"}`, 12, 0),
		near: gauge(`zgoda_retention_past{what="rows"}`, 12, 0), // for less than an hour
	},
	{
		alert: "ZgodaRetentionStale warning", bad: gauge("zgoda_retention_run_failures", 1, 0),
		near: gauge("zgoda_retention_run_failures", 1, 0),
	},
	{ // there was none, by a process that is older than two days
		alert: "ZgodaRetentionStale warning", bad: all(gauge("zgoda_retention_run_timestamp_seconds", 0, 1), stays("process_start_time_seconds", -200_000)),
		near: stays("zgoda_retention_run_timestamp_seconds", 0),
	},
	{
		alert: "ZgodaLedgerUnanchored warning", bad: climbs("zgoda_ledger_checkpoint_failures_total", 0.1), after: tick, ends: 16 * m,
		near: rises("zgoda_ledger_checkpoint_failures_total", 1),
	},
	{
		alert: "ZgodaLedgerUnanchored warning", bad: climbs(`zgoda_ledger_anchor_failures_total{anchor="file"}`, 0.1), after: tick, ends: open,
		near: rises(`zgoda_ledger_anchor_failures_total{anchor="file"}`, 1),
	},
	{
		alert: "ZgodaRestoreGate critical", bad: all(gauge("zgoda_restore_gate", 1, 0), gauge("zgoda_ready", 0, 1)),
		near: func(from, _ time.Duration) world { return brief("zgoda_restore_gate", 1, 0, 10*m)(from, 0) },
	},
}
