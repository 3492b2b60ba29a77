package access

import (
	"sync/atomic"
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
	drafts                       *meter.Counter

	// Those that every call of a gateway adds to, looked up once.
	done              map[doneKey]*atomic.Uint64
	rowsBy, unknownBy [role.Administrator + 1]*atomic.Uint64
}

// doneKey is a counted act in a role.
type doneKey struct {
	act  string
	role role.Role
}

func newMetrics(set *meter.Set) *metrics {
	m := &metrics{
		calls:       set.Counter("zgoda_keyholder_calls_total", "Calls, by role, act and outcome.", "role", "act", "outcome"),
		rows:        set.Counter("zgoda_keyholder_rows_total", "Identifiers that gateways and people asked about, by role.", "role"),
		unknown:     set.Counter("zgoda_keyholder_unknown_total", "Contacts that were asked about and are not there, by role.", "role"),
		minted:      set.Counter("zgoda_keyholder_minted_total", "Contacts that were made."),
		refused:     set.Counter("zgoda_keyholder_refused_total", "Calls and callers that were refused, by reason.", "why"),
		quota:       set.Counter("zgoda_keyholder_quota_refused_total", "Batches that were refused since a quota was used up, by role and limit.", "role", "limit"),
		reveals:     set.Counter("zgoda_keyholder_reveals_total", "Reveals of contacts, by outcome.", "outcome"),
		revealLimit: set.Counter("zgoda_keyholder_reveal_limit_total", "Reveals above the limit, which want a second person."),
		drafts:      set.Counter("zgoda_keyholder_incident_drafts_total", "Incidents that the keyholder suspects and opened a draft for, by kind.", "kind"),
		panics:      set.Counter("zgoda_keyholder_panics_total", "Calls whose handler panicked."),
		done:        make(map[doneKey]*atomic.Uint64),
	}
	for r := role.Pseudonymise; r <= role.Administrator; r++ {
		m.rowsBy[r], m.unknownBy[r] = m.rows.At(r.String()), m.unknown.At(r.String())
		for _, a := range acts {
			if a.counted && (a.role == role.None || a.role == r) {
				m.done[doneKey{a.name, r}] = m.calls.At(r.String(), a.name, "done")
			}
		}
	}
	return m
}

func (m *metrics) settled(a *admitted, t *Tally, outcome string) {
	if done := m.done[doneKey{a.act.name, a.caller.Role}]; done != nil && outcome == "done" {
		done.Add(1)
	} else {
		m.calls.Add(1, a.caller.Role.String(), a.act.name, outcome)
	}
	if t.Rows > 0 {
		m.rowsBy[a.caller.Role].Add(uint64(t.Rows))
	}
	if t.Unknown > 0 {
		m.unknownBy[a.caller.Role].Add(uint64(t.Unknown))
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
		m.quota.Add(0, r.String(), "unknown")
	}
	for _, limit := range []string{"mints_day", "aliases"} {
		m.quota.Add(0, role.Pseudonymise.String(), limit)
	}
	for _, kind := range []string{draftReveals, draftGuesses} {
		m.drafts.Add(0, kind)
	}
	d.Metrics.Gauge("zgoda_keyholder_call_log_seq", "Number of the last entry of the log of calls.", func() float64 { return float64(d.Log.Seq()) })
	return &Policy{
		Quota: NewQuota(l, d.Now, m.quota), Reveals: NewReveals(l.RevealsPerHour, d.Now),
		log: d.Log, replay: NewReplay(d.Now), metrics: m, now: d.Now, failed: d.Failed,
		drafts: make(map[draft]time.Time),
	}
}
