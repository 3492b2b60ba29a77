package rules

import (
	"testing"
	"time"
)

const (
	h = time.Hour

	// slowly is how often rules are evaluated where hours are played; often where a
	// budget is used up by single minutes.
	slowly = 5 * m
	often  = m

	refused = `zgoda_events_refused_total{reason="internal"}`
	oldOnes = `zgoda_requests_open{age="older",right="access"}`
)

// burning is errors at one speed, of a kind that no other alert speaks of.
func burning(slo string, change world, alert string) story {
	s := story{name: slo + " burns: " + alert, world: healthy().with(change)}
	s.moments = []moment{{55 * m, nil}}
	if alert == "" {
		s.moments = append(s.moments, none(h, 4*h, slowly)...)
		return s
	}
	s.moments = append(s.moments, moment{3*h + 55*m, []string{alert}}, moment{4*h + 6*h + 15*m, nil})
	return s
}

// late is a world in which so many changes of mind a second are enforced late.
func late(each float64) world {
	w := world{}
	w.changes(climb(0, always, 0.1), climb(h, 4*h, each))
	return w
}

func burns() []story {
	refusals := func(each float64) world { return world{refused: climb(h, 4*h, each)} }
	kept := func(each float64) world { return world{"zgoda_events_quarantined_total": climb(h, 4*h, each)} }
	old := func(n, of float64) world {
		return world{oldOnes: during(h, 4*h, n, 0), `zgoda_requests_open{age="week",right="access"}`: flat(of - n)}
	}
	few := resting()
	few[refused] = climb(h, h+10*m, 9.0/600)
	return []story{
		burning(Accepted, refusals(0.5), "ZgodaAcceptedBudget critical"), // 3 %
		burning(Accepted, refusals(0.08), "ZgodaAcceptedBudget warning"), // 0.5 %
		burning(Accepted, refusals(0.01), ""),
		{name: "nine events came, and all were refused", world: few, moments: none(h, 4*h, slowly)},
		burning(Durable, kept(0.05), "ZgodaDurableBudget critical"), // 0.5 %
		burning(Durable, kept(0.004), "ZgodaDurableBudget warning"), // 0.04 %
		burning(Durable, kept(0.0005), ""),
		burning(Fresh, world{"zgoda_spool_oldest_seconds": during(h, 4*h, 20, 0.2)}, "ZgodaFreshBudget critical"),
		burning(Fresh, world{"zgoda_later_oldest_seconds": during(h, 4*h, 20, 0.2)}, "ZgodaFreshBudget critical"),
		burning(Fresh, world{"zgoda_spool_oldest_seconds": during(h, 4*h, 9, 0.2)}, ""),
		burning(Withdrawn, late(0.01), "ZgodaWithdrawalBudget critical"),  // 10 %
		burning(Withdrawn, late(0.0004), "ZgodaWithdrawalBudget warning"), // 0.4 %
		burning(Withdrawn, late(0.00005), ""),
		burning(Requested, old(4, 20), "ZgodaRequestsBudget warning"),
		burning(Requested, old(2, 5), ""),   // too few to speak of
		burning(Requested, old(3, 100), ""), // few of many
		{
			name: "the numbers", world: healthy().with(refusals(0.5)).with(world{"zgoda_spool_oldest_seconds": during(h, 100*m, 20, 0.2)}),
			moments: []moment{{2 * h, []string{"ZgodaAcceptedBudget critical", "ZgodaFreshBudget critical"}}},
			values: map[string]float64{
				`round(sum(zgoda:slo_errors:ratio_rate30m{slo="accepted"}) * 1e4)`:  323, // 0.5 of 15.5
				`round(sum(zgoda:slo_errors:ratio_rate2h{slo="fresh"}) * 100)`:      32,  // 8 of 25
				`round(sum(zgoda:slo_errors:ratio_rate3d{slo="withdrawal"}) * 100)`: 0,
				`round(sum(zgoda:slo_budget_left:ratio3d{slo="fresh"}))`:            -63, // 64 times what there was
				`sum(zgoda:slo_budget_left:ratio3d{slo="durable"})`:                 1,
				`sum(zgoda:slo_objective:ratio{slo="requests"})`:                    0.95,
				`round(sum(zgoda:limit:ratio{what="spool"}) * 1e4)`:                 156,
				`sum(zgoda:limit:ratio{what="parts",server="first"}) * 100`:         1,
				`sum(zgoda:limit:ratio{what="parts",server="replica_1"}) * 100`:     10,
				`count(zgoda:limit:ratio)`:                                          9,
				`sum(zgoda:requests:bad)`:                                           0,
			},
		},
	}
}

// TestBudgets: each budget's alerts fire at their speeds, one of both, and end.
func TestBudgets(t *testing.T) {
	t.Parallel()
	promtool(t, slowly, burns()...)
}

// minutes is an objective that is spoiled for a minute of each fifty: that is told in
// the daytime.
func minutes() story {
	bad := func(at time.Duration) float64 {
		if at > 10*m && at%(50*m) < m {
			return 20
		}
		return 0.2
	}
	return story{
		name: "a minute of each fifty is late", world: healthy().with(world{"zgoda_spool_oldest_seconds": bad}),
		moments: []moment{{45 * m, nil}, {155 * m, []string{"ZgodaFreshBudget warning"}}},
	}
}

func TestMinutesOfABudget(t *testing.T) {
	t.Parallel()
	promtool(t, often, minutes())
}

// TestTextFormEdges: an edge of one second is found in both of its spellings, of
// both histograms.
func TestTextFormEdges(t *testing.T) {
	t.Parallel()
	w := healthy()
	const here = "zgoda_withdrawal_to_enforced_seconds"
	w[here+`_bucket{le="1"}`] = w[here+`_bucket{le="1.0"}`]
	delete(w, here+`_bucket{le="1.0"}`)
	const elsewhere = "zgoda_withdrawal_to_enforced_elsewhere_seconds"
	slow := healthy()
	slow[elsewhere+"_count"], slow[elsewhere+`_bucket{le="10"}`] = climb(0, always, 0.1), climb(0, always, 0.1)
	promtool(t, slowly,
		story{name: "the text form", world: w, moments: none(0, 2*h, slowly)},
		story{name: "late from elsewhere", world: slow, moments: []moment{{2 * h, []string{"ZgodaWithdrawalBudget critical"}}}},
	)
}
