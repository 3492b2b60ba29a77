package rules

import "time"

// rightsAlerts are about what is owed to the people protected. All gateways of a
// store tell of the same requests.
func rightsAlerts() []Alert {
	return []Alert{
		{
			Name: "ZgodaControlAway", Severity: Critical, For: 30 * time.Second, Explains: []string{Accepted, Withdrawn},
			Expr:        `zgoda_control_away_seconds > 5`,
			Summary:     "The control store does not answer",
			Description: "{{ $labels.instance }} has not heard of it for {{ $value | humanizeDuration }}. Events about people are refused and nobody can change their mind.",
		},
		{
			Name: "ZgodaRequestOverdue", Severity: Critical, Explains: []string{Requested},
			Expr:        `max by (right) (zgoda_requests_overdue) > 0`,
			Summary:     "The deadline of a request has passed: {{ $labels.right }}",
			Description: "{{ $value | humanize }} requests of this right are past the month of GDPR Art. 12(3), or the time that it was extended to.",
		},
		{
			Name: "ZgodaRequestDueSoon", Severity: Critical,
			Expr:        `min by (right) (zgoda_requests_deadline_days) < 2 >= 0`,
			Summary:     "A request is due within two days: {{ $labels.right }}",
			Description: "{{ $value | humanize }} days are left until the nearest deadline.",
			Empty:       "no request is open",
		},
		{
			Name: "ZgodaRequestDueSoon", Severity: Warning,
			Expr:        `min by (right) (zgoda_requests_deadline_days) < 7 >= 2`,
			Summary:     "A request is due within a week: {{ $labels.right }}",
			Description: "{{ $value | humanize }} days are left until the nearest deadline.",
			Empty:       "no request is open",
		},
		{
			Name: "ZgodaRequestFailed", Severity: Warning,
			Expr: `max by (right) (zgoda_requests{state="failed"}) > 0
or sum(increase(zgoda_notices_failed_total[1h])) > 0`,
			Summary:     "A request, or a notice to a recipient, was given up",
			Description: "{{ $value | humanize }} of them: somebody has to go on by hand.",
		},
		{
			Name: "ZgodaErasureLate", Severity: Critical, For: time.Minute,
			Expr:        `max(zgoda_erasure_late) > 0 or sum(increase(zgoda_erasure_failures_total[15m])) > 3`,
			Summary:     "Erasures do not get on",
			Description: "Rows of people who are to be erased are there for longer than rights.limit, or steps of erasures fail again and again. What is hidden stays hidden meanwhile.",
		},
		{
			Name: "ZgodaRetentionStale", Severity: Warning, For: time.Hour,
			Expr: `time() - (max(zgoda_retention_run_timestamp_seconds) > 0) > 172800
or (max(zgoda_retention_run_timestamp_seconds) == 0 and on () time() - min(process_start_time_seconds{job="zgoda"}) > 172800)
or max(zgoda_retention_run_failures) > 0
or max by (what) (zgoda_retention_past) > 0`,
			Summary:     "Data is kept for longer than it may be",
			Description: "No run of retention for two days, one that failed in parts, or something is past its time after it. See `zgoda retention show`.",
		},
		{
			Name: "ZgodaLedgerUnanchored", Severity: Warning, For: 15 * time.Minute,
			Expr: `increase(zgoda_ledger_checkpoint_failures_total[15m]) > 0
or increase(zgoda_ledger_anchor_failures_total[15m]) > 0`,
			Summary:     "The proof of the consent ledger is not kept up",
			Description: "For a quarter of an hour checkpoints of {{ $labels.instance }} could not be signed, or not be put to a place outside: what is written meanwhile is not proven to anybody.",
			Empty:       "no anchor is configured",
		},
		{
			Name: "ZgodaRestoreGate", Severity: Critical, For: 15 * time.Minute, Explains: []string{Accepted},
			Expr:        `zgoda_restore_gate == 1`,
			Summary:     "Nothing is served after a restore",
			Description: "{{ $labels.instance }} carries out erasures again that the backup did not know, and cannot end it. Nobody's event, choice or withdrawal is taken.",
		},
	}
}
