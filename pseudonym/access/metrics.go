package access

import (
	"time"

	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/role"
)

// metrics are what the policy counts.
type metrics struct {
	calls, rows, unknown, minted *meter.Counter
	refused, quota               *meter.Counter
	reveals, revealLimit, panics *meter.Counter
}

func newMetrics(set *meter.Set) *metrics {
	return &metrics{
		calls:       set.Counter("zgoda_keyholder_calls_total", "Calls, by role, act and outcome.", "role", "act", "outcome"),
		rows:        set.Counter("zgoda_keyholder_rows_total", "Identifiers that gateways and people asked about, by role.", "role"),
		unknown:     set.Counter("zgoda_keyholder_unknown_total", "Contacts that were asked about and are not there, by role.", "role"),
		minted:      set.Counter("zgoda_keyholder_minted_total", "Contacts that were made."),
		refused:     set.Counter("zgoda_keyholder_refused_total", "Calls and callers that were refused, by reason.", "why"),
		quota:       set.Counter("zgoda_keyholder_quota_refused_total", "Batches that were refused since a quota was used up, by role and limit.", "role", "limit"),
		reveals:     set.Counter("zgoda_keyholder_reveals_total", "Reveals of contacts, by outcome.", "outcome"),
		revealLimit: set.Counter("zgoda_keyholder_reveal_limit_total", "Reveals above the limit, which want a second person."),
		panics:      set.Counter("zgoda_keyholder_panics_total", "Calls whose handler panicked."),
	}
}

func (m *metrics) settled(a *admitted, t *Tally, outcome string) {
	by := a.caller.Role.String()
	m.calls.Add(1, by, a.act.name, outcome)
	if t.Rows > 0 {
		m.rows.Add(uint64(t.Rows), by)
	}
	if t.Unknown > 0 {
		m.unknown.Add(uint64(t.Unknown), by)
	}
	if t.Minted > 0 {
		m.minted.Add(uint64(t.Minted))
	}
	if a.act.reveals {
		m.reveals.Add(1, outcome)
	}
}

// Deps are what a policy is given.
type Deps struct {
	Log     *calls.Log
	Metrics *meter.Set
	Now     func() time.Time
	Failed  func(error) // told of entries that could not be written, and of panics
}

// New makes a policy.
func New(l Limits, d Deps) *Policy {
	m := newMetrics(d.Metrics)
	for _, r := range []role.Role{role.Pseudonymise, role.Rights} { // alarms want them there before they rise
		m.unknown.Add(0, r.String())
		m.quota.Add(0, r.String(), "unknown")
	}
	d.Metrics.Gauge("zgoda_keyholder_call_log_seq", "Number of the last entry of the log of calls.", func() float64 { return float64(d.Log.Seq()) })
	return &Policy{
		Quota: NewQuota(l, d.Now, m.quota), Reveals: NewReveals(l.RevealsPerHour, d.Now),
		log: d.Log, replay: NewReplay(d.Now), metrics: m, now: d.Now, failed: d.Failed,
	}
}
