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
	batch, serve                 *meter.Histogram

	// Those that every call of a gateway adds to, looked up once.
	done              map[doneKey]*atomic.Uint64
	served            map[doneKey]*meter.Sizes
	rowsBy, unknownBy [role.Administrator + 1]*atomic.Uint64
	batchBy           [role.Administrator + 1]*meter.Sizes
}

// doneKey is a counted act in a role.
type doneKey struct {
	act  string
	role role.Role
}

// Edges of histograms: identifiers of a batch, and seconds.
var (
	batchEdges = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}
	serveEdges = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}
)

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
		batch:       set.Histogram("zgoda_keyholder_batch_rows", "Identifiers of one call, by role.", batchEdges, "role"),
		serve:       set.Histogram("zgoda_keyholder_serve_seconds", "Time to answer a call, by role and act.", serveEdges, "role", "act"),
		done:        make(map[doneKey]*atomic.Uint64),
		served:      make(map[doneKey]*meter.Sizes),
	}
	for r := role.Pseudonymise; r <= role.Administrator; r++ {
		m.rowsBy[r], m.unknownBy[r], m.batchBy[r] = m.rows.At(r.String()), m.unknown.At(r.String()), m.batch.At(r.String())
		for _, a := range acts {
			if a.role == role.None || a.role == r {
				m.served[doneKey{a.name, r}] = m.serve.At(r.String(), a.name)
				m.done[doneKey{a.name, r}] = m.calls.At(r.String(), a.name, "done")
				m.calls.At(r.String(), a.name, "refused")
				m.calls.At(r.String(), a.name, "failed")
			}
		}
	}
	m.fill()
	return m
}

// fill has there with 0 what alarms want to see rise.
func (m *metrics) fill() {
	for _, why := range []Why{
		WhyPeer, WhyCertificate, WhyExpired, WhyHandshake, WhyRole, WhyReplay, WhyCall,
		WhyOversized, WhyMalformed, WhyBusy, WhyQuota, WhyApproval,
	} {
		m.refused.Add(0, string(why))
	}
	for _, r := range []role.Role{role.Pseudonymise, role.Rights} {
		for _, limit := range []string{"unknown", "mints", "mints_day", "aliases", "said", "erasures"} {
			m.quota.Add(0, r.String(), limit)
		}
	}
	for _, outcome := range []string{"done", "waiting", "refused", "failed"} {
		m.reveals.Add(0, outcome)
	}
	for _, kind := range []string{draftReveals, draftGuesses} {
		m.drafts.Add(0, kind)
	}
}

func (m *metrics) settled(a *admitted, t *Tally, outcome string) {
	if served := m.served[doneKey{a.act.name, a.caller.Role}]; served != nil {
		served.Observe(time.Since(a.began).Seconds())
	}
	if done := m.done[doneKey{a.act.name, a.caller.Role}]; done != nil && outcome == "done" {
		done.Add(1)
	} else {
		m.calls.Add(1, a.caller.Role.String(), a.act.name, outcome)
	}
	if t.Rows > 0 {
		m.rowsBy[a.caller.Role].Add(uint64(t.Rows))
		m.batchBy[a.caller.Role].Observe(float64(t.Rows))
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
	d.Metrics.Gauge("zgoda_keyholder_call_log_seq", "Number of the last entry of the log of calls.", func() float64 { return float64(d.Log.Seq()) })
	return &Policy{
		Quota: NewQuota(l, d.Now, m.quota), Reveals: NewReveals(l.RevealsPerHour, d.Now),
		log: d.Log, replay: NewReplay(d.Now), metrics: m, now: d.Now, failed: d.Failed,
		drafts: make(map[draft]time.Time),
	}
}
