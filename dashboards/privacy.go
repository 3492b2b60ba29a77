package dashboards

// Privacy is about the people: what was decided for them, how fast a change of
// mind counts, and what they asked for.
func Privacy() Dashboard {
	return Dashboard{
		UID: "zgoda-privacy", Title: "Zgoda: privacy",
		Description: "What is decided about people's events and by which signal, how fast a withdrawal counts, and their requests, deadlines and erasures.",
		Rows: []Row{
			{"Decisions", decisionPanels()},
			{"Changes of mind", changePanels()},
			{"Requests and deadlines", requestPanels()},
			{"Erasures", erasurePanels()},
			{"Keeping and proof", keepingPanels()},
		},
	}
}

const perPeople = "what people choose has no value that is wrong"

func decisionPanels() []Panel {
	return []Panel{
		{
			Title: "Decisions by kind and outcome", Kind: Graph, Unit: Events, Width: 12, Levels: anyValue(), NoLimit: perPeople, Min: number(0),
			Description: "Decisions in a second, one for each event and purpose, by kind of purpose and outcome. A sudden change of their proportion is a banner or a policy that changed.",
			Queries:     []Query{ask("{{kind}} {{outcome}}", each("kind, outcome", at("zgoda_collector_decisions_total"))+" > 0")},
		},
		{
			Title: "Deciding signals of the last hour", Kind: Bars, Unit: Number, Width: 12, Levels: anyValue(), NoLimit: perPeople, Min: number(0),
			Description: "What decided, of all signals and rules: the one that the outcome is due to. Default means that nothing was known and the purpose's default held.",
			Queries:     []Query{askNow("{{by}} {{outcome}}", "sort_desc(sum by (by, outcome) (increase("+at("zgoda_collector_decisions_total")+"[1h])) > 0)")},
		},
		{
			Title: "Not stored, by who denied", Kind: Graph, Unit: Events, Width: 12, Levels: anyValue(), NoLimit: perPeople, Min: number(0),
			Description: "Purposes of events that were not stored at all, in a second, by what denied them. An event counts once for each purpose of its site.",
			Queries:     []Query{ask("{{by}}", each("by", at("zgoda_collector_drops_total")))},
		},
		{
			Title: "Dropped events by reason", Kind: Graph, Unit: Events, Width: 12, Levels: anyValue(), NoLimit: perPeople, Min: number(0),
			Description: "Events that were not stored, in a second, by reason. Later ones were accepted first and stopped by a withdrawal or an erasure before they were stored.",
			Queries: []Query{
				ask("{{reason}}", each("reason", at("zgoda_events_dropped_total"))+" > 0"),
				ask("{{reason}}, later", each("reason", at("zgoda_events_dropped_later_total"))+" > 0"),
			},
			Empty: "every event that came may be stored",
		},
	}
}

// withinASecond is the part of the last hour's changes that counted within a
// second. Prometheus writes the edge "1" or "1.0", by the form that it scraped.
func withinASecond() string {
	over := func(part string, matchers ...string) string {
		here, elsewhere := "zgoda_withdrawal_to_enforced_seconds", "zgoda_withdrawal_to_enforced_elsewhere_seconds"
		return "(sum(increase(" + at(here+part, matchers...) + "[1h])) + sum(increase(" + at(elsewhere+part, matchers...) + "[1h])))"
	}
	return over("_bucket", `le=~"1(\\.0)?"`) + " / (" + over("_count") + " > 0)"
}

func changePanels() []Panel {
	return []Panel{
		{
			Title: "Withdrawal to enforced", Kind: Graph, Unit: Seconds, Width: 9, Levels: upTo(0.5, 1), Min: number(0),
			Description: "The time from a change of consent being asked for to its being enforced on this gateway, and on the others by the writer's clock. It is promised within a second.",
			Queries: []Query{
				ask("half, here", quantile(0.5, "", at("zgoda_withdrawal_to_enforced_seconds"))),
				ask("99 of 100, here", quantile(0.99, "", at("zgoda_withdrawal_to_enforced_seconds"))),
				ask("99 of 100, elsewhere", quantile(0.99, "", at("zgoda_withdrawal_to_enforced_elsewhere_seconds"))),
			},
			Empty: "nobody changed a choice within the span; elsewhere: or there is no other gateway",
		},
		{
			Title: "Within a second", Kind: Stat, Unit: Ratio, Width: 3, Levels: atLeast(0.999, 1), Min: number(0), Max: number(1),
			Description: "The part of the last hour's changes of consent that was enforced within a second, here and on the other gateways.",
			Queries:     []Query{ask("within a second", withinASecond())},
			Empty:       "nobody changed a choice within the hour",
		},
		{
			Title: "Behind other gateways", Kind: Graph, Unit: Seconds, Width: 6, Levels: upTo(0.5, 1), Min: number(0),
			Description: "How long ago everything that other gateways had changed was known here. Above a second nothing is decided by what is in memory.",
			Queries:     []Query{ask("{{instance}}", highest("instance", at("zgoda_control_heartbeat_age_seconds")))},
		},
		{
			Title: "Withdrawals on their way", Kind: Graph, Unit: Number, Width: 6, Levels: upTo(1000, 100000), Min: number(0), Stacked: true,
			Description: "Withdrawals that have not reached all rows stored before yet, by state. New events are stopped at once; this is about the old ones.",
			Queries:     []Query{ask("{{state}}", highest("state", at("zgoda_reach_waiting")))},
		},
	}
}

func requestPanels() []Panel {
	return []Panel{
		{
			Title: "Nearest deadline", Kind: Stat, Unit: Days, Width: 4, Levels: atLeast(2, 7),
			Description: "Days until the deadline of the open request that has the least left. Below 0 it is over.",
			Queries:     []Query{ask("nearest", "min("+at("zgoda_requests_deadline_days")+")")},
			Empty:       "no request is open",
		},
		{
			Title: "Overdue", Kind: Bars, Unit: Plain, Width: 6, Levels: none(1), Min: number(0),
			Description: "Open requests whose deadline is over, by right. The law gives a month, and two more where the person was told why.",
			Queries:     []Query{askNow("{{right}}", highest("right", at("zgoda_requests_overdue")))},
		},
		{
			Title: "Open requests by age", Kind: Graph, Unit: Plain, Width: 7, Levels: anyValue(), NoLimit: "a deadline counts, not how many there are", Min: number(0), Stacked: true,
			Description: "Open requests by how long ago they were received. Older than a month is late where the deadline was not moved.",
			Queries:     []Query{ask("{{age}}", by("age", highest("right, age", at("zgoda_requests_open"))))},
		},
		{
			Title: "Open requests by right", Kind: Graph, Unit: Plain, Width: 7, Levels: anyValue(), NoLimit: "a deadline counts, not how many there are", Min: number(0), Stacked: true,
			Description: "Open requests by the right that they are made under, of all ages.",
			Queries:     []Query{ask("{{right}}", by("right", highest("right, age", at("zgoda_requests_open"))))},
		},
		{
			Title: "Requests by state", Kind: Bars, Unit: Plain, Width: 12, Levels: anyValue(), NoLimit: "each request ends in one of the states", Min: number(0),
			Description: "All requests of data subjects by their state. Those that failed want somebody to look: what they asked for is not done.",
			Queries:     []Query{askNow("{{state}}", by("state", highest("right, state", at("zgoda_requests"))))},
		},
		{
			Title: "Notices", Kind: Graph, Unit: Plain, Width: 12, Levels: upTo(10, 100), Min: number(0),
			Description: "Notices to recipients and other systems: those that wait to be delivered, and those given up within the hour, which somebody has to tell by hand.",
			Queries: []Query{
				ask("waiting", highest("", at("zgoda_notices_waiting"))),
				ask("given up", "sum(increase("+at("zgoda_notices_failed_total")+"[1h]))"),
			},
		},
	}
}

func erasurePanels() []Panel {
	return []Panel{
		{
			Title: "Erasures under way", Kind: Stat, Unit: Plain, Width: 4, Levels: upTo(1000, 10000),
			Description: "Erasures that are accepted and do not have their certificate yet. They go in batches.",
			Queries:     []Query{ask("under way", highest("", at("zgoda_erasure_queue")))},
		},
		{
			Title: "Late erasures", Kind: Stat, Unit: Plain, Width: 4, Levels: none(1),
			Description: "Erasures whose rows are still there for longer than the limit after they were accepted (rights.limit).",
			Queries:     []Query{ask("late", highest("", at("zgoda_erasure_late")))},
		},
		{
			Title: "Oldest erasure", Kind: Stat, Unit: Seconds, Width: 4, Levels: upTo(3600, 86400),
			Description: "How long ago the oldest erasure under way was received; 0 when there is none.",
			Queries:     []Query{ask("oldest", highest("", at("zgoda_erasure_oldest_seconds")))},
		},
		{
			Title: "Erasures certified", Kind: Stat, Unit: Number, Width: 4, Levels: anyValue(), NoLimit: "how many ask is up to the people",
			Description: "Erasures that were completed and certified within the last day.",
			Queries:     []Query{ask("certified", "sum(increase("+at("zgoda_erasures_total")+"[1d]))")},
		},
		{
			Title: "Hidden people", Kind: Stat, Unit: Number, Width: 4, Levels: anyValue(), NoLimit: "how many ask is up to the people",
			Description: "Pseudonyms whose rows analysts are not shown everywhere: restricted, or being erased.",
			Queries:     []Query{ask("hidden", highest("", at("zgoda_hidden_subjects")))},
		},
		{
			Title: "Restore gate", Kind: Stat, Unit: Plain, Width: 4, Levels: none(1), Words: map[int]string{0: "open", 1: "shut"},
			Description: "Shut after a restore from a backup, until every erasure since that backup is carried out again. Nothing is served meanwhile.",
			Queries:     []Query{ask("gate", highest("", at("zgoda_restore_gate")))},
		},
		{
			Title: "Parts of an erasure", Kind: Graph, Unit: Seconds, Width: 12, Levels: upTo(60, 600), Min: number(0),
			Description: "The time that 95 of 100 erasures stay below in each part of their way, over an hour.",
			Queries:     []Query{ask("{{step}}", "histogram_quantile(0.95, sum by (le, step) (rate("+at("zgoda_erasure_step_seconds_bucket")+"[1h]))) >= 0")},
			Empty:       "nobody was erased within the hour",
		},
		{
			Title: "Failures of erasures", Kind: Graph, Unit: Number, Width: 12, Levels: none(3), Min: number(0),
			Description: "Steps of erasures that failed within a quarter of an hour and are tried again, by the step before. Erasures wait while ClickHouse or the keyholder is away.",
			Queries:     []Query{ask("after {{step}}", "sum by (step) (increase("+at("zgoda_erasure_failures_total")+"[15m]))")},
		},
	}
}

func keepingPanels() []Panel {
	return []Panel{
		{
			Title: "Past retention", Kind: Stat, Unit: Number, Width: 6, Levels: none(1),
			Description: "What was past its time at the last run of retention and was still there: rows and contacts.",
			Queries:     []Query{ask("{{what}}", highest("what", at("zgoda_retention_past")))},
		},
		{
			Title: "Last retention run", Kind: Stat, Unit: Seconds, Width: 6, Levels: upTo(100000, 172800),
			Description: "How long ago retention was last carried out. It runs each day.",
			Queries:     []Query{ask("ago", "time() - max("+at("zgoda_retention_run_timestamp_seconds")+" > 0)")},
			Empty:       "there was no run since the start",
		},
		{
			Title: "Last checkpoint", Kind: Stat, Unit: Seconds, Width: 6, Levels: anyValue(), NoLimit: "without new entries none is made",
			Description: "How long ago the ledger's last checkpoint was signed; one is when there are entries that are not under one. What is under it cannot be changed without being found out.",
			Queries:     []Query{ask("ago", highest("", at("zgoda_ledger_checkpoint_age_seconds")))},
		},
		{
			Title: "Incident drafts", Kind: Stat, Unit: Plain, Width: 6, Levels: none(1),
			Description: "Drafts of incidents that the keyholder opened within three days. A breach is to be told to the authority within 72 hours.",
			Queries:     []Query{ask("drafts", "ceil(sum(increase("+kept("zgoda_keyholder_incident_drafts_total")+"[3d])))")},
		},
		{
			Title: "Ledger", Kind: Graph, Unit: Number, Width: 12, Levels: anyValue(), NoLimit: "a chain only grows", Min: number(0),
			Description: "Entries that each gateway wrote to its chain since its start, and the entry that the last checkpoint is over.",
			Queries: []Query{
				ask("entries {{instance}}", at("zgoda_ledger_entries_total")),
				ask("checkpoint {{instance}}", at("zgoda_ledger_checkpoint_number")),
			},
		},
		{
			Title: "Anchors", Kind: Graph, Unit: Number, Width: 12, Levels: anyValue(), NoLimit: "a chain only grows", Min: number(0),
			Description: "The entry of each gateway's chain that the last checkpoint in each place outside is over. It follows the ledger's last checkpoint within minutes.",
			Queries:     []Query{ask("{{anchor}} {{instance}}", at("zgoda_ledger_anchored_number"))},
			Empty:       "no place outside is set for checkpoints",
		},
	}
}
