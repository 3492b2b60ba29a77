package rules

import "time"

// processAlerts are about the processes themselves and the machine.
func processAlerts() []Alert {
	return []Alert{
		{
			Name: "ZgodaDown", Severity: Critical, For: time.Minute, Explains: everySLO,
			Expr:        `up{job="zgoda"} == 0`,
			Summary:     "A gateway does not answer",
			Description: "{{ $labels.instance }} could not be asked for its metrics. Where it is the only gateway nobody's event, choice or withdrawal is taken.",
		},
		{
			Name: "ZgodaDown", Severity: Warning, For: time.Minute,
			Expr: `up{job="zgoda-keyholder"} == 0
unless on () zgoda_keyholder_away_seconds > 5
unless on () up{job="zgoda"} == 0`,
			Summary:     "The keyholder tells no metrics",
			Description: "{{ $labels.instance }} answers the gateways and could not be asked for its metrics: who asked it for what may not be asked is not seen.",
		},
		{
			Name: "ZgodaRestarts", Severity: Warning,
			Expr:        `increase(zgoda_child_restarts_total[15m]) >= 3`,
			Summary:     "A child process ends again and again: {{ $labels.child }}",
			Description: "{{ $value | humanize }} times within 15 minutes it was started again at {{ $labels.instance }}. What it does waits meanwhile.",
		},
		{
			Name: "ZgodaPanics", Severity: Critical,
			Expr:        `increase(zgoda_gateway_panics_total[15m]) > 0 or increase(zgoda_keyholder_panics_total[15m]) > 0`,
			Summary:     "A fault of ours ended the handling of a request",
			Description: "{{ $value | humanize }} within 15 minutes at {{ $labels.instance }}. The log has where; who asked was answered with an error.",
		},
		{
			Name: "ZgodaEventsUnaccounted", Severity: Critical, For: 2 * time.Minute, Explains: []string{Durable},
			Expr: `zgoda_events_in_flight - zgoda_events_in_hand - zgoda_spool_waiting_records - zgoda_later_waiting_records > 0
or zgoda_events_in_flight - zgoda_spool_waiting_records < 0`,
			// What is in flight is in a request, in the spool or waits for the keyholder, and for
			// moments in two of them: what is in none is lost, and what is only in the spool has a fate already.
			Summary:     "Events have no fate, or more than one",
			Description: "{{ $value | humanize }} events of {{ $labels.instance }} have no fate and are nowhere; or, where it is negative, two: a fault of ours.",
		},
		{
			Name: "ZgodaDiskLow", Severity: Critical, For: 2 * time.Minute,
			Expr:        diskLow("< 0.03", "< 1 * 2 ^ 30"),
			Summary:     "Almost no disk is left",
			Description: "{{ $value | humanizePercentage }} of the volume ({{ $labels.folder }}{{ $labels.disk }}) of {{ $labels.instance }} is free. When nothing is, events are refused.",
		},
		{
			Name: "ZgodaDiskLow", Severity: Warning, For: 2 * time.Minute,
			Expr: "(\n" + diskLow("< 0.1", "< 5 * 2 ^ 30") + "\nor\n" + diskEnds + "\n) unless (\n" + diskLow("< 0.03", "< 1 * 2 ^ 30") + "\n)",
			// The forecast looks at an hour, and says nothing in the first half of one.
			Summary:     "Little disk is left",
			Description: "{{ $value | humanizePercentage }} of the volume ({{ $labels.folder }}{{ $labels.disk }}) of {{ $labels.instance }} is free, or it is full within a day as it goes.",
		},
		{
			Name: "ZgodaClockSkew", Severity: Warning, For: 2 * time.Minute,
			Expr:        `abs(zgoda_clock_skew_seconds) > 2`,
			Summary:     "Clocks differ",
			Description: "The clock of {{ $labels.peer }} and that of {{ $labels.instance }} are {{ $value | humanizeDuration }} apart. Deadlines, retention and the times of events go by them.",
		},
		{
			Name: "ZgodaLimitNear", Severity: Warning, For: 2 * time.Minute,
			Expr:        `zgoda:limit:ratio{what=~"bodies|connections|quarantine|waiting"} > 0.8`,
			Summary:     "A limit is near: {{ $labels.what }}",
			Description: "{{ $value | humanizePercentage }} of it is used at {{ $labels.instance }}. At the limit more is refused.",
		},
	}
}

// diskLow is where the free part of a volume and what is free are both small: a
// tenth of a large volume is much.
func diskLow(part, bytes string) string {
	const ours, theirs = "zgoda_disk_free_bytes", "zgoda_clickhouse_disk_free_bytes"
	return ours + " / (zgoda_disk_size_bytes > 0) " + part + " and " + ours + " " + bytes +
		"\nor label_replace(" + theirs + " / (zgoda_clickhouse_disk_size_bytes > 0) " + part + " and " + theirs + " " + bytes + `, "disk", "clickhouse $1", "server", "(.*)")`
}

// diskEnds is where a volume is full within a day if it goes on like this.
const diskEnds = `zgoda_disk_free_bytes / (zgoda_disk_size_bytes > 0) < 0.3
and predict_linear(zgoda_disk_free_bytes[1h], 24 * 3600) < 0
and zgoda_disk_free_bytes offset 30m > 0`

// notReadyAlert speaks where no other does. It is the last of the causes, so that it
// sees what the others have just said.
func notReadyAlert() Alert {
	return Alert{
		Name: "ZgodaNotReady", Severity: Critical, For: 90 * time.Second, Explains: []string{Accepted},
		Expr: `zgoda_ready == 0
unless on (instance) zgoda_restore_gate == 1
unless on () ALERTS{alertstate="firing",explains=~".*,accepted,.*",alertname!="ZgodaNotReady"}`,
		Summary:     "A gateway says that it is not ready",
		Description: "{{ $labels.instance }} is up and takes no traffic; GET /readyz says why. No other alert explains it.",
	}
}
