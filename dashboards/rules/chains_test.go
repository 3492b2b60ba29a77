package rules

import (
	"testing"
	"time"
)

// none are moments at which nothing fires: each step from one time to another.
func none(from, to, step time.Duration) (list []moment) {
	for at := from; at <= to; at += step {
		list = append(list, moment{at, nil})
	}
	return list
}

// chains are faults that lead to others: one alert speaks, first and last.
func chains() []story {
	outage := func(name string, alert string, w world, from, to, late time.Duration) story {
		s := story{name: name, world: healthy().with(w), moments: []moment{{from - tick, nil}}}
		for at := from + late; at < to; at += m {
			s.moments = append(s.moments, moment{at, []string{alert}})
		}
		s.moments = append(s.moments, none(to+tick, to+40*m, m)...)
		return s
	}
	return []story{
		// Everything in the spool is late while ClickHouse is away, and nothing is said
		// of that: not then, and not while the windows remember it.
		outage("ClickHouse is away for half an hour", "ZgodaClickHouseAway critical", world{
			`zgoda_clickhouse_away_seconds{server="first"}`: since(10*m, 40*m),
			"zgoda_spool_oldest_seconds":                    since(10*m, 40*m),
			`zgoda_writer_stalled{why="unreachable"}`:       during(10*m, 40*m, 4, 0),
			"zgoda_spool_bytes":                             during(10*m, 40*m, 1.5*gib, 64<<20),
		}, 10*m, 40*m, 90*time.Second),
		outage("ClickHouse is away with its replica", "ZgodaClickHouseAway critical", world{
			`zgoda_clickhouse_away_seconds{server="first"}`:     since(10*m, 40*m),
			`zgoda_clickhouse_away_seconds{server="replica_1"}`: since(10*m, 40*m),
			"zgoda_spool_oldest_seconds":                        since(10*m, 40*m),
		}, 10*m, 40*m, 90*time.Second),
		outage("the keyholder is away, strangers wait and choices are refused", "ZgodaKeyholderAway critical", world{
			"zgoda_keyholder_away_seconds": since(10*m, 30*m),
			"zgoda_later_oldest_seconds":   since(10*m, 30*m),
			"zgoda_later_bytes":            during(10*m, 30*m, 0.2*gib/4, 0),
			`up{job="zgoda-keyholder"}`:    during(11*m, 30*m+tick, 0, 1),
		}, 10*m, 30*m, time.Minute),
		outage("the spool is full, a third of the events is refused", "ZgodaSpoolFull critical", world{
			"zgoda_spool_bytes": during(10*m, 30*m, 4*gib, 64<<20),
			`zgoda_events_refused_total{reason="spool_full"}`: climb(10*m, 29*m, 5),
			"zgoda_ready":                during(10*m+tick, 30*m, 0, 1),
			"zgoda_spool_oldest_seconds": since(9*m, 30*m),
		}, 10*m, 30*m, time.Minute),
		outage("the control store is away", "ZgodaControlAway critical", world{
			"zgoda_control_away_seconds":                    since(10*m, 30*m),
			`zgoda_events_refused_total{reason="internal"}`: climb(10*m, 30*m, 8),
			"zgoda_ready": during(10*m, 30*m, 0, 1),
		}, 10*m, 30*m, time.Minute),
		outage("an overdue request, among many old ones", "ZgodaRequestOverdue critical", world{
			`zgoda_requests_overdue{right="access"}`:          during(10*m, 30*m, 3, 0),
			`zgoda_requests_open{age="older",right="access"}`: during(10*m, 30*m, 4, 0),
		}, 10*m, 30*m, 0),
		outage("gateway and keyholder are gone", "ZgodaDown critical", gone(10*m, 30*m).with(world{`up{job="zgoda-keyholder"}`: during(10*m, 30*m, 0, 1)}), 10*m, 30*m, 90*time.Second),
		outage("the gateway is gone", "ZgodaDown critical", gone(10*m, 30*m), 10*m, 30*m, 90*time.Second),
		{
			// A backlog that grows is a warning, until it spoils the objective.
			name: "more comes than ClickHouse takes", world: healthy().with(world{"zgoda_spool_oldest_seconds": during(62*m, 100*m, 150, 0.2)}),
			moments: append([]moment{
				{62 * m, nil},
				{64*m + tick, []string{"ZgodaWriterBehind warning"}},
				{70 * m, []string{"ZgodaFreshBudget critical"}},
				{90 * m, []string{"ZgodaFreshBudget critical"}},
			}, none(132*m, 136*m, m)...),
		},
	}
}

// gone is a gateway that tells nothing between two times.
func gone(from, to time.Duration) world {
	w := world{}
	whole := healthy()
	for name, l := range whole.with(world{"zgoda_events_received_total": climb(0, always, 15)}) {
		if name == `up{job="zgoda-keyholder"}` {
			continue
		}
		w[name] = func(at time.Duration) float64 {
			switch {
			case at < from || at >= to:
				return l(at)
			case name == `up{job="zgoda"}`:
				return 0
			}
			return nan
		}
	}
	return w
}

func TestOneAlertSpeaks(t *testing.T) {
	t.Parallel()
	promtool(t, tick, chains()...)
}

// TestNothingFires: at rest, at work, at a first start with no series at all, with one
// process alone, after restarts.
func TestNothingFires(t *testing.T) {
	t.Parallel()
	hour := none(0, 65*m, m)
	restarted := world{"process_start_time_seconds": during(0, 20*m, -7200, 1200)}
	for name, l := range healthy() {
		if l(40*m) > l(30*m) { // counters begin at 0 again
			restarted[name] = func(at time.Duration) float64 {
				if at < 20*m {
					return l(at)
				}
				return l(at - 20*m)
			}
		}
	}
	restarted["zgoda_keyholder_away_seconds"] = during(20*m, 20*m+tick, 3, 0)
	restarted[`zgoda_clickhouse_away_seconds{server="first"}`] = during(20*m, 20*m+tick, 9, 0)
	restarted["zgoda_ready"] = during(20*m, 20*m+tick, 0, 1)
	gateway, keyholder := resting(), world{`up{job="zgoda-keyholder"}`: flat(1), "zgoda_keyholder_kek_unreached": flat(0)}
	delete(gateway, `up{job="zgoda-keyholder"}`)
	for name := range gateway {
		if len(name) > 15 && name[:15] == "zgoda_keyholder" && name != "zgoda_keyholder_away_seconds" {
			delete(gateway, name)
		}
	}
	promtool(t, tick,
		story{name: "at rest", world: resting(), moments: hour, values: map[string]float64{
			// No number, and not one that is none: 0 of 0.
			`absent(sum(zgoda:slo_errors:ratio_rate5m{slo="accepted"}))`: 1, `absent(sum(zgoda:slo_budget_left:ratio3d{slo="withdrawal"}))`: 1,
			`sum(zgoda:slo_errors:ratio_rate5m{slo="fresh"})`: 0, `sum(zgoda:slo_budget_left:ratio3d{slo="requests"})`: 1,
		}},
		story{name: "at work", world: healthy(), moments: hour},
		story{name: "no series at all", world: world{`up{job="node"}`: flat(1)}, moments: none(0, 10*m, m)},
		story{name: "the gateway alone", world: gateway, moments: none(0, 10*m, m)},
		story{name: "the keyholder alone", world: keyholder, moments: none(0, 10*m, m)},
		story{name: "a restart", world: healthy().with(restarted), moments: none(0, 50*m, m)},
		story{name: "never anything but zeros", world: blank(), moments: none(0, 65*m, m)},
	)
	// Days after Prometheus began, and hours after a start: there was no run of
	// retention yet. (Time begins at 0 here.)
	promtool(t, h/2, story{
		name: "a start after days", world: blank().with(world{"process_start_time_seconds": flat((50 * h).Seconds())}),
		moments: none(50*h, 56*h, h/2),
	})
}

// blank is a system that has just been set up: nobody was there, nothing ran.
func blank() world {
	return resting().with(world{
		"zgoda_retention_run_timestamp_seconds": flat(0), nextDue: nil, "zgoda_daily_key_held": nil,
		lifeLeft: nil, `zgoda_certificate_life_seconds{role="rights"}`: nil, `zgoda_ledger_anchor_failures_total{anchor="file"}`: nil,
		"zgoda_keyholder_rewrap_age_seconds": flat(0), "zgoda_spool_bytes": flat(0), "zgoda_spool_oldest_seconds": flat(0),
		"process_start_time_seconds": flat(0), `zgoda_requests_open{age="week",right="access"}`: flat(0),
	})
}
