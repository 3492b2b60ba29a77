package dashboards

// ours are the reasons for which events are refused by a fault of the system, not
// of the sender: what the objective "accepted" counts as bad.
const ours = `reason=~"spool_full|spool_failed|keyholder_away|sealed_full|control_away|internal"`

// collects are the routes that take events.
const collects = `route=~"segment|beacon|pixel"`

// Overview is what is looked at first: whether it serves, what it loses, what is
// late and what is full.
func Overview() Dashboard {
	return Dashboard{
		UID: "zgoda-overview", Title: "Zgoda: overview",
		Description: "Is it serving, is anything lost or late, and what is nearly full. The other dashboards say why.",
		Rows: []Row{
			{"Now", nowPanels()},
			{"What was promised", promisePanels()},
			{"Traffic", trafficPanels()},
			{"Room left and processes", roomPanels()},
		},
	}
}

func nowPanels() []Panel {
	return []Panel{
		{
			Title: "Ready", Kind: Stat, Unit: Plain, Width: 3, Levels: atLeast(0.5, 1), Words: map[int]string{0: "no", 1: "yes"},
			Description: "Whether every gateway answers that it is ready. When one is not, the load balancer sends nothing to it.",
			Queries:     []Query{ask("ready", "min("+at("zgoda_ready")+")")},
		},
		{
			Title: "Alerts firing", Kind: Stat, Unit: Plain, Width: 3, Levels: none(1),
			Description: "How many alerts of this system fire now. Each has a runbook of its name in docs/runbooks.",
			Queries:     []Query{ask("firing", `count(ALERTS{alertstate="firing",alertname=~"Zgoda.*"}) or vector(0)`)},
		},
		{
			Title: "Events received", Kind: Stat, Unit: Events, Width: 3, Levels: anyValue(), NoLimit: "how much comes is up to the senders",
			Description: "Events decoded out of requests, in a second. Falls to 0 when no sender reaches the gateway.",
			Queries:     []Query{ask("received", each("", at("zgoda_events_received_total")))},
		},
		{
			Title: "Refused by our fault", Kind: Stat, Unit: Ratio, Width: 3, Levels: upTo(0.0001, 0.001),
			Description: "The part of the events that was answered with an error although the sender did nothing wrong. The sender must try again.",
			Queries: []Query{ask("refused", share(each("", at("zgoda_events_refused_total", ours)),
				"clamp_min("+each("", at("zgoda_events_received_total"))+", 1)"))},
		},
		{
			Title: "Answers, 99 %", Kind: Stat, Unit: Seconds, Width: 3, Levels: upTo(0.1, 0.5),
			Description: "The time from a whole request with events to its answer, which 99 of 100 stay below. The answer waits for the disk.",
			Queries:     []Query{ask("p99", quantile(0.99, "", at("zgoda_gateway_request_seconds", collects)))},
			Empty:       "nobody sent events within the span",
		},
		{
			Title: "Spool filled", Kind: Stat, Unit: Ratio, Width: 3, Levels: upTo(0.5, 0.9),
			Description: "The part of the spool's room on disk that is taken, of the fullest gateway. When it is full, events are refused.",
			Queries:     []Query{ask("filled", highest("", share(at("zgoda_spool_bytes"), at("zgoda_spool_limit_bytes"))))},
		},
		{
			Title: "Oldest not stored", Kind: Stat, Unit: Seconds, Width: 3, Levels: upTo(10, 120),
			Description: "How long the oldest event that was answered has been waiting to be in ClickHouse, in the spool or sealed for the keyholder. The objective is below 10 seconds.",
			Queries:     []Query{ask("oldest", highest("", at("zgoda_spool_oldest_seconds")+" >= "+at("zgoda_later_oldest_seconds")+" or "+at("zgoda_later_oldest_seconds")))},
		},
		{
			Title: "Requests overdue", Kind: Stat, Unit: Plain, Width: 3, Levels: none(1),
			Description: "Requests of data subjects whose deadline is over and that are not answered. The law gives a month.",
			Queries:     []Query{ask("overdue", by("", highest("right", at("zgoda_requests_overdue"))))},
		},
	}
}

func promisePanels() []Panel {
	return []Panel{
		{
			Title: "Error budget left", Kind: Bars, Unit: Ratio, Width: 8, Levels: atLeast(0.1, 0.5), Min: number(0), Max: number(1),
			Description: "How much of what may go wrong is left of each objective, by the last three days. At 0 the objective is missed.",
			Queries:     []Query{askNow("{{slo}}", "clamp_min(zgoda:slo_budget_left:ratio3d, 0)")},
			Empty:       "an objective that nothing counted for within three days has no budget to show",
		},
		{
			Title: "Budget burnt", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(1, 6), Min: number(0),
			Description: "How many times faster than the objective allows errors come, over an hour. Above 1 for long, the objective is missed; above 14 somebody is woken.",
			Queries:     []Query{ask("{{slo}}", "zgoda:slo_errors:ratio_rate1h / on (slo) (1 - zgoda:slo_objective:ratio)")},
			Empty:       "no objective was counted for within the hour",
		},
		{
			Title: "Alerts", Kind: Table, Unit: Plain, Width: 8, Levels: none(1), Columns: []string{"alertname", "severity", "instance"},
			Description: "The alerts that fire. The runbook of each is docs/runbooks/NAME.md.",
			Queries:     []Query{askNow("{{alertname}}", `ALERTS{alertstate="firing",alertname=~"Zgoda.*"}`)},
			Empty:       "no alert fires",
		},
	}
}

func trafficPanels() []Panel {
	fate := func(legend, name string) Query { return ask(legend, each("", at(name))) }
	return []Panel{
		{
			Title: "Events by fate", Kind: Graph, Unit: Events, Width: 12, Levels: anyValue(), NoLimit: "how much comes is up to the senders", Min: number(0),
			Description: "What became of events, in a second: received is the sum of all fates and of those in flight. Dropped were answered so, for want of consent most of all.",
			Queries: []Query{
				fate("received", "zgoda_events_received_total"), fate("stored", "zgoda_events_stored_total"),
				fate("dropped", "zgoda_events_dropped_total"), fate("dropped later", "zgoda_events_dropped_later_total"),
				fate("duplicate", "zgoda_events_duplicate_total"), fate("refused", "zgoda_events_refused_total"),
				fate("quarantined", "zgoda_events_quarantined_total"),
			},
		},
		{
			Title: "Answers by route, 99 %", Kind: Graph, Unit: Seconds, Width: 12, Levels: upTo(0.1, 0.5), Min: number(0),
			Description: "The time from a whole request to its answer, which 99 of 100 stay below, by route. Routes without requests have no line.",
			Queries:     []Query{ask("{{route}}", quantile(0.99, "route", at("zgoda_gateway_request_seconds"))+" >= 0")},
			Empty:       "nobody asked anything within the span",
		},
		{
			Title: "Events refused by reason", Kind: Graph, Unit: Events, Width: 12, Levels: none(1), Min: number(0),
			Description: "Events answered with an error, in a second. Malformed and too large are the sender's, the rest is ours.",
			Queries:     []Query{ask("{{reason}}", each("reason", at("zgoda_events_refused_total")))},
		},
		{
			Title: "Requests by status", Kind: Graph, Unit: Requests, Width: 12, Levels: anyValue(), NoLimit: "how much comes is up to the senders", Min: number(0),
			Description: "Requests answered, by class of status, in a second. 5xx is ours; 4xx is the sender's, limits of one address included.",
			Queries:     []Query{ask("{{status}}", each("status", at("zgoda_gateway_requests_total")))},
		},
	}
}

func roomPanels() []Panel {
	return []Panel{
		{
			Title: "Limits", Kind: Bars, Unit: Ratio, Width: 12, Levels: upTo(0.5, 0.8), Min: number(0), Max: number(1),
			Description: "The part of each limit that is used, of the fullest gateway. At 100 % further ones are refused.",
			Queries:     []Query{askNow("{{what}}", highest("what", at("zgoda:limit:ratio")))},
		},
		{
			Title: "Neighbours away", Kind: Graph, Unit: Seconds, Width: 12, Levels: upTo(5, 15), Min: number(0),
			Description: "How long ClickHouse, its replicas, the keyholder and the control store have not answered. Events wait in the spool without ClickHouse; without keyholder or store some are refused.",
			Queries: []Query{
				ask("ClickHouse, {{server}}", highest("server", at("zgoda_clickhouse_away_seconds"))),
				ask("keyholder", highest("", at("zgoda_keyholder_away_seconds"))),
				ask("control store", highest("", at("zgoda_control_away_seconds"))),
			},
		},
		{
			Title: "Children", Kind: Table, Unit: Plain, Width: 12, Levels: atLeast(0.5, 1), Columns: []string{"child", "instance", "Value"}, Words: map[int]string{0: "down", 1: "up"},
			Description: "The processes that the gateway started and watches: whether each is up.",
			Queries:     []Query{askNow("{{child}}", at("zgoda_child_up"))},
			Empty:       "ClickHouse and the keyholder are started by others",
		},
		{
			Title: "Versions", Kind: Table, Unit: Plain, Width: 12, Levels: anyValue(), NoLimit: "it is 1 for what runs", Columns: []string{"version", "goversion", "instance"},
			Description: "Which version each gateway runs. All of them should be the same, but while they are replaced.",
			Queries:     []Query{askNow("{{version}}", at("zgoda_build_info"))},
		},
	}
}
