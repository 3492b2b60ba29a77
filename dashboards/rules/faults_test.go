package rules

import "time"

const spoolDisk = `zgoda_disk_free_bytes{folder="spool"}`

var processFaults = []fault{
	{alert: "ZgodaDown critical", bad: gauge(`up{job="zgoda"}`, 0, 1), near: brief(`up{job="zgoda"}`, 0, 1, m)},
	{ // it answers the gateway, but tells no metrics
		alert: "ZgodaDown warning", bad: gauge(`up{job="zgoda-keyholder"}`, 0, 1), near: brief(`up{job="zgoda-keyholder"}`, 0, 1, m),
	},
	{
		alert: "ZgodaNotReady critical", bad: gauge("zgoda_ready", 0, 1),
		near: all(gauge("zgoda_ready", 0, 1), gauge("zgoda_restore_gate", 1, 0)), // which has an alert of its own
	},
	{
		alert: "ZgodaRestarts warning", bad: rises(`zgoda_child_restarts_total{child="clickhouse"}`, 3), ends: 15 * m,
		near: rises(`zgoda_child_restarts_total{child="clickhouse"}`, 2),
	},
	{alert: "ZgodaPanics critical", bad: rises("zgoda_gateway_panics_total", 1), ends: 15 * m, near: stays("zgoda_gateway_panics_total", 7)},
	{alert: "ZgodaPanics critical", bad: rises("zgoda_keyholder_panics_total", 1), ends: open, near: stays("zgoda_keyholder_panics_total", 7)},
	{
		alert: "ZgodaEventsUnaccounted critical",
		bad:   gauge("zgoda_events_in_flight", 1, 0),
		near:  brief("zgoda_events_in_flight", 1, 0, m),
	},
	{ // more in the spool than has no fate
		alert: "ZgodaEventsUnaccounted critical",
		bad:   gauge("zgoda_spool_waiting_records", 1, 0),
		near: all(gauge("zgoda_events_in_flight", 50, 0), gauge("zgoda_spool_waiting_records", 50, 0),
			gauge("zgoda_events_in_hand", 50, 0)), // on disk already, and not answered
	},
	{
		alert: "ZgodaDiskLow critical", bad: gauge(spoolDisk, gib/2, 50*gib),
		near: all(gauge(spoolDisk, 50*gib, 50*gib), stays(`zgoda_disk_size_bytes{folder="spool"}`, 5000*gib)), // little of much
	},
	{alert: "ZgodaDiskLow warning", bad: gauge(spoolDisk, 4*gib, 50*gib), near: gauge(spoolDisk, 6*gib, 50*gib)},
	{
		alert: "ZgodaDiskLow critical", bad: gauge(`zgoda_clickhouse_disk_free_bytes{server="first"}`, gib/2, 50*gib),
		near: gauge(`zgoda_clickhouse_disk_free_bytes{server="first"}`, 6*gib, 50*gib),
	},
	{
		alert: "ZgodaDiskLow warning", bad: gauge(`zgoda_clickhouse_disk_free_bytes{server="first"}`, 4*gib, 50*gib),
		near: brief(`zgoda_clickhouse_disk_free_bytes{server="first"}`, 4*gib, 50*gib, 2*m),
	},
	{
		alert: "ZgodaDiskLow critical", bad: gauge(`zgoda_clickhouse_disk_free_bytes{server="replica_1"}`, gib/2, 50*gib),
		near: gauge(`zgoda_clickhouse_disk_free_bytes{server="replica_1"}`, 6*gib, 50*gib),
	},
	{
		alert: "ZgodaClockSkew warning", bad: gauge(`zgoda_clock_skew_seconds{peer="clickhouse"}`, -3, 0),
		near: gauge(`zgoda_clock_skew_seconds{peer="clickhouse"}`, 1.5, 0),
	},
	{
		alert: "ZgodaClockSkew warning", bad: gauge(`zgoda_clock_skew_seconds{peer="keyholder"}`, 3, 0),
		near: brief(`zgoda_clock_skew_seconds{peer="keyholder"}`, 3, 0, m),
	},
	{
		alert: "ZgodaClockSkew warning", bad: gauge(`zgoda_clock_skew_seconds{peer="control"}`, 40, 0),
		near: gauge(`zgoda_clock_skew_seconds{peer="control"}`, -1.9, 0),
	},
	{
		alert: "ZgodaClockSkew warning", bad: gauge(`zgoda_clock_skew_seconds{peer="replica_1"}`, -40, 0),
		near: gauge(`zgoda_clock_skew_seconds{peer="replica_1"}`, 1.9, 0),
	},
	{alert: "ZgodaLimitNear warning", bad: gauge("zgoda_gateway_connections", 8500, 20), near: gauge("zgoda_gateway_connections", 7500, 20)},
	{
		alert: "ZgodaLimitNear warning", bad: gauge("zgoda_writer_quarantine_bytes", 0.9*gib, 0),
		near: all(gauge("zgoda_gateway_body_bytes", 0.7*gib, 0), stays("zgoda_subjects_waiting_limit", 0)), // no limit
	},
}

var spoolFaults = []fault{
	{alert: "ZgodaSpoolFull critical", bad: gauge("zgoda_spool_bytes", 3.9*gib, 64<<20), near: brief("zgoda_spool_bytes", 3.9*gib, 64<<20, tick)},
	{
		alert: "ZgodaSpoolFull critical", bad: climbs(`zgoda_events_refused_total{reason="spool_full"}`, 1), after: tick, ends: m + tick,
		near: climbs(`zgoda_events_refused_total{reason="malformed"}`, 1),
	},
	{
		alert: "ZgodaSpoolFilling warning", bad: gauge("zgoda_spool_bytes", 2.5*gib, 64<<20),
		near: gauge("zgoda_spool_bytes", gib, 64<<20), // though it rose steeply
	},
	{ // it will be full within four hours
		alert: "ZgodaSpoolFilling warning",
		bad: func(from, to time.Duration) world {
			return world{"zgoda_spool_bytes": func(at time.Duration) float64 { return 1.3*gib + climb(from, to, 2<<20)(at) }}
		},
		after: tick, ends: open,
		near: climbs("zgoda_spool_bytes", 1<<20),
	},
	{alert: "ZgodaSpoolDisk critical", bad: gauge("zgoda_spool_failing", 1, 0), near: brief("zgoda_spool_failing", 1, 0, tick)},
	{alert: "ZgodaSpoolDisk critical", bad: lasts("zgoda_spool_disk_wait_seconds"), after: tick, near: gauge("zgoda_spool_disk_wait_seconds", 4, 0)},
	{alert: "ZgodaSpoolDisk critical", bad: rises("zgoda_spool_damaged", 1), ends: 60 * m, near: stays("zgoda_spool_damaged", 2)}, // of long ago
	{ // found at a start, in the first series that there is
		alert: "ZgodaSpoolDisk critical", bad: all(stays("zgoda_spool_damaged", 2), gauge("process_start_time_seconds", 0, -7200)), ends: open,
		near: all(stays("zgoda_spool_damaged", 0), stays("process_start_time_seconds", 1)),
	},
	{
		alert: "ZgodaWriterStalled critical", bad: gauge(`zgoda_writer_stalled{why="login"}`, 2, 0),
		near: gauge(`zgoda_writer_stalled{why="unreachable"}`, 2, 0),
	},
	{alert: "ZgodaQuarantine critical", bad: gauge("zgoda_writer_quarantine_full", 1, 0), near: missing("zgoda_writer_quarantine_full")},
	{alert: "ZgodaQuarantine warning", bad: rises("zgoda_writer_quarantined_total", 1), ends: 60 * m, near: stays("zgoda_writer_quarantined_total", 9)},
	{alert: "ZgodaQuarantine warning", bad: rises("zgoda_writer_unreadable_total", 40), ends: open, near: stays("zgoda_writer_unreadable_total", 9)},
	{
		alert: "ZgodaQuarantine warning", bad: rises(`zgoda_later_resolved_total{fate="quarantined"}`, 1), ends: open,
		near: rises(`zgoda_later_resolved_total{fate="stored"}`, 1),
	},
	{
		alert: "ZgodaQuarantine warning", bad: rises(`zgoda_said_total{fate="quarantined"}`, 1), ends: open,
		near: rises(`zgoda_said_total{fate="handed"}`, 1),
	},
	{alert: "ZgodaSealedFilling critical", bad: gauge("zgoda_later_bytes", 0.95*gib/4, 0), near: brief("zgoda_later_bytes", 0.95*gib/4, 0, tick)},
	{
		alert: "ZgodaSealedFilling critical", bad: climbs(`zgoda_events_refused_total{reason="sealed_full"}`, 1), after: tick, ends: m + tick,
		near: gauge("zgoda_said_bytes", 0.4*gib/4, 0),
	},
	{alert: "ZgodaSealedFilling warning", bad: gauge("zgoda_later_bytes", 0.6*gib/4, 0), near: gauge("zgoda_later_bytes", 0.4*gib/4, 0)},
	{alert: "ZgodaSealedFilling warning", bad: gauge("zgoda_said_oldest_seconds", 400, 0), near: gauge("zgoda_said_oldest_seconds", 200, 0)},
	{
		alert: "ZgodaClickHouseAway critical", bad: gauge(`zgoda_clickhouse_away_seconds{server="first"}`, 16, 0),
		near: gauge(`zgoda_clickhouse_away_seconds{server="first"}`, 14, 0),
	},
	{ // events are stored meanwhile
		alert: "ZgodaClickHouseAway warning", bad: gauge(`zgoda_clickhouse_away_seconds{server="replica_1"}`, 16, 0),
		near: brief(`zgoda_clickhouse_away_seconds{server="replica_1"}`, 16, 0, m),
	},
	{
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_parts{server="first",table="events"}`, 1600, 30),
		near: gauge(`zgoda_clickhouse_parts{server="first",table="events"}`, 1400, 30),
	},
	{
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_mutation_oldest_seconds{server="first"}`, 3700, 0),
		near: gauge(`zgoda_clickhouse_mutation_oldest_seconds{server="first"}`, 3000, 0),
	},
	{
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_mutations_failed{server="first",table="events"}`, 1, 0),
		near: brief(`zgoda_clickhouse_mutations_failed{server="first",table="events"}`, 1, 0, 4*m),
	},
	{ // each server by its own limit
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_parts{server="replica_1",table="events"}`, 160, 30),
		near: gauge(`zgoda_clickhouse_parts{server="replica_1",table="events"}`, 140, 30),
	},
	{
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_mutation_oldest_seconds{server="replica_1"}`, 3700, 0),
		near: gauge(`zgoda_clickhouse_mutation_oldest_seconds{server="replica_1"}`, 3000, 0),
	},
	{
		alert: "ZgodaClickHouseParts warning", bad: gauge(`zgoda_clickhouse_mutations_failed{server="replica_1",table="events"}`, 1, 0),
		near: brief(`zgoda_clickhouse_mutations_failed{server="replica_1",table="events"}`, 1, 0, 4*m),
	},
}
