package rules

import "time"

// keyholderAlerts are about the keyholder, its keys and its callers.
func keyholderAlerts() []Alert {
	return []Alert{
		{
			Name: "ZgodaKeyholderAway", Severity: Critical, For: 30 * time.Second, Explains: []string{Accepted, Fresh, Withdrawn},
			Expr:        `zgoda_keyholder_away_seconds > 5`,
			Summary:     "The keyholder does not answer",
			Description: "{{ $labels.instance }} has had no answer for {{ $value | humanizeDuration }}. People who are not in memory wait undecided, and nobody can change their mind.",
		},
		{
			Name: "ZgodaKeyholderRefusals", Severity: Critical,
			Expr:        `increase(zgoda_keyholder_refused_total{why=~"peer|certificate|role|replay"}[15m]) > 0`,
			Summary:     "Somebody asked the keyholder who may not: {{ $labels.why }}",
			Description: "About {{ $value | humanize }} calls within 15 minutes at {{ $labels.instance }}. A wrong setting, or somebody tries. The log of calls has them.",
		},
		{
			Name: "ZgodaKeyholderQuota", Severity: Warning, Explains: []string{Accepted},
			Expr:        `increase(zgoda_keyholder_quota_refused_total[15m]) > 0 unless on () ` + tooFast(Accepted),
			Summary:     "A quota of the keyholder is used up: {{ $labels.limit }}",
			Description: "About {{ $value | humanize }} batches of the role {{ $labels.role }} were refused within 15 minutes: more strangers than the quota allows, or somebody guesses.",
		},
		{
			Name: "ZgodaIncidentDraft", Severity: Critical,
			Expr:        `increase(zgoda_keyholder_incident_drafts_total[72h]) > 0`,
			Summary:     "The keyholder suspects an incident: {{ $labels.kind }}",
			Description: "It wrote a draft within the last 72 hours, the time in which an authority has to be told of a breach (GDPR Art. 33). Somebody has to judge it.",
		},
		{
			Name: "ZgodaKeysOld", Severity: Warning, For: 15 * time.Minute,
			Expr:        `zgoda_keyholder_rewrap_age_seconds > 100000 or zgoda_keyholder_kek_unreached == 1 or zgoda_daily_key_held == 0`,
			Summary:     "Keys are not renewed",
			Description: "At {{ $labels.instance }} the nightly sealing under a new key did not happen, the key-encryption key in use is not reached, or there is no key of this day.",
			Empty:       "no site counts by the key of the day",
		},
		{
			Name: "ZgodaCertificateExpiring", Severity: Critical, For: 5 * time.Minute, Explains: []string{Accepted},
			Expr:        `zgoda_certificate_expires_seconds < 0.25 * (zgoda_certificate_life_seconds > 0)`,
			Summary:     "A certificate for the keyholder ends and was not renewed: {{ $labels.role }}",
			Description: "That of {{ $labels.instance }} is in force for {{ $value | humanizeDuration }} more. Without it the keyholder refuses this gateway.",
			Empty:       "the keyholder is on the same machine and asks for no certificate",
		},
		{
			Name: "ZgodaRotationStuck", Severity: Warning, For: 5 * time.Minute, Explains: []string{Fresh},
			Expr: `((zgoda_rekey_open == 1 and on (instance) increase(zgoda_rekey_failures_total[15m]) > 0)
or zgoda_writer_held_seconds > 600) unless on () ` + tooFast(Fresh),
			Summary:     "The rotation of a key does not get on",
			Description: "What is stored is to be rewritten for a new purpose key. At {{ $labels.instance }} that fails, or the writer has been held for more than 10 minutes.",
		},
	}
}
