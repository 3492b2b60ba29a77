package dashboards

// Capacity is about what is nearly full and what grows.
func Capacity() Dashboard {
	return Dashboard{
		UID: "zgoda-capacity", Title: "Zgoda: capacity",
		Description: "CPU, memory, disks, connections and caches: what is nearly full, and what being watched costs.",
		Rows: []Row{
			{"Processes", processPanels()},
			{"Disks", diskPanels()},
			{"Limits of the gateway", limitPanels()},
			{"Being watched", watchPanels()},
		},
	}
}

// both are the processes of ours that are scraped, by the jobs' names in
// dashboards/prometheus/prometheus.yml.
const both = `{job=~"zgoda(-keyholder)?",instance=~"$instance|$keyholder"}`

func processPanels() []Panel {
	return []Panel{
		{
			Title: "CPU", Kind: Graph, Unit: Number, Width: 6, Levels: anyValue(), NoLimit: "the machine bounds it: see beside it", Min: number(0),
			Description: "Processors that each process keeps busy.",
			Queries:     []Query{ask("{{job}} {{instance}}", "rate(process_cpu_seconds_total"+both+"[$range])")},
		},
		{
			Title: "CPU of what there is", Kind: Graph, Unit: Ratio, Width: 6, Levels: upTo(0.7, 0.9), Min: number(0), Max: number(1),
			Description: "The part of the processors that a gateway may use which it keeps busy. Near 100 % answers become slow.",
			Queries:     []Query{ask("{{instance}}", "rate("+at("process_cpu_seconds_total")+"[$range]) / "+at("go_sched_gomaxprocs_threads"))},
		},
		{
			Title: "Memory", Kind: Graph, Unit: Bytes, Width: 6, Levels: anyValue(), NoLimit: "how much there is depends on the machine", Min: number(0),
			Description: "Memory that each process has in use, as the kernel counts it.",
			Queries:     []Query{ask("{{job}} {{instance}}", "process_resident_memory_bytes"+both)},
		},
		{
			Title: "Open files", Kind: Graph, Unit: Ratio, Width: 6, Levels: upTo(0.5, 0.8), Min: number(0), Max: number(1),
			Description: "The part of the files and connections that a process may have open which it has.",
			Queries:     []Query{ask("{{job}} {{instance}}", "process_open_fds"+both+" / process_max_fds"+both)},
		},
		{
			Title: "Goroutines", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(20000, 100000), Min: number(0),
			Description: "What a gateway has under way at once. It grows with connections and must fall with them.",
			Queries:     []Query{ask("{{instance}}", at("go_goroutines"))},
		},
		{
			Title: "Uptime", Kind: Table, Unit: Seconds, Width: 8, Levels: anyValue(), NoLimit: "it only grows", Columns: []string{"job", "instance", "Value"},
			Description: "How long ago each process started. A number that is lower than it should be is a restart.",
			Queries:     []Query{askNow("{{instance}}", "time() - process_start_time_seconds"+both)},
		},
		{
			Title: "Restarts of children", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(1, 3), Min: number(0),
			Description: "Times within a quarter of an hour that a process which the gateway watches ended and was started again.",
			Queries:     []Query{ask("{{child}} {{instance}}", "increase("+at("zgoda_child_restarts_total")+"[15m])")},
			Empty:       "ClickHouse and the keyholder are started by others",
		},
	}
}

func diskPanels() []Panel {
	return []Panel{
		{
			Title: "Free", Kind: Graph, Unit: Ratio, Width: 8, Levels: atLeast(0.03, 0.1), Min: number(0), Max: number(1),
			Description: "The part of each folder's volume that is free. Folders on one volume have the same.",
			Queries:     []Query{ask("{{folder}} {{instance}}", share(at("zgoda_disk_free_bytes"), at("zgoda_disk_size_bytes")))},
		},
		{
			Title: "Days left", Kind: Bars, Unit: Days, Width: 8, Levels: atLeast(2, 14), Min: number(0), Max: number(365),
			Description: "Days until each volume is full, if it goes on as in the last six hours; 365 when it is longer or nothing is used up.",
			Queries: []Query{askNow("{{folder}} {{instance}}", "clamp_max("+at("zgoda_disk_free_bytes")+" / clamp_min(-deriv("+
				at("zgoda_disk_free_bytes")+"[6h]), 1) / 86400, 365)")},
		},
		{
			Title: "Free at ClickHouse", Kind: Graph, Unit: Bytes, Width: 8, Levels: atLeast(1e9, 1e10), Min: number(0),
			Description: "Free space of each server's disk that has the least left for its size.",
			Queries:     []Query{ask("{{server}}", "min by (server) ("+at("zgoda_clickhouse_disk_free_bytes")+")")},
		},
	}
}

func limitPanels() []Panel {
	full := func(legend, part, whole string) Query { return ask(legend, highest("", share(at(part), at(whole)))) }
	return []Panel{
		{
			Title: "Connections and bodies", Kind: Graph, Unit: Ratio, Width: 8, Levels: upTo(0.5, 0.8), Min: number(0), Max: number(1),
			Description: "The part of the connections that may be open, and of the memory that bodies of requests may hold, which is used. At 100 % further ones are refused.",
			Queries: []Query{
				full("connections", "zgoda_gateway_connections", "zgoda_gateway_connections_limit"),
				full("bodies", "zgoda_gateway_body_bytes", "zgoda_gateway_body_bytes_limit"),
			},
		},
		{
			Title: "Cached consent set", Kind: Graph, Unit: Ratio, Width: 8, Levels: upTo(0.9, 1), Min: number(0), Max: number(1),
			Description: "The part of the identifiers that the cached consent set can hold which it holds, and of the changes that the fence remembers. Full, older ones make room and are loaded again when they come.",
			Queries: []Query{
				full("identifiers", "zgoda_subjects_entries", "zgoda_subjects_entries_limit"),
				full("fence", "zgoda_subjects_fence_size", "zgoda_subjects_fence_limit"),
				full("waiting", "zgoda_subjects_waiting", "zgoda_subjects_waiting_limit"),
			},
		},
		{
			Title: "Answered from memory", Kind: Graph, Unit: Ratio, Width: 8, Levels: atLeast(0.2, 0.5), Min: number(0), Max: number(1),
			Description: "The part of the identifiers asked for that was in the cached consent set. Low with many new visitors, or when cached_subjects is too small.",
			Queries: []Query{ask("in memory", each("", at("zgoda_subjects_hits_total"))+" / ("+
				each("", at("zgoda_subjects_hits_total"))+" + "+each("", at("zgoda_subjects_misses_total"))+")")},
		},
		{
			Title: "Repeated ids known", Kind: Graph, Unit: Seconds, Width: 8, Levels: atLeast(600, 3600), Min: number(0),
			Description: "How far back a repeated message id is recognised now. It shrinks with the load, since the number of ids is bounded.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_writer_dedup_window_seconds"))},
		},
		{
			Title: "Quarantine filled", Kind: Graph, Unit: Ratio, Width: 8, Levels: upTo(0.5, 0.8), Min: number(0), Max: number(1),
			Description: "The part of the quarantine's room that is taken. Full, the writer waits until somebody looks.",
			Queries:     []Query{full("quarantine", "zgoda_writer_quarantine_bytes", "zgoda_writer_quarantine_limit_bytes")},
		},
		{
			Title: "Limited addresses", Kind: Graph, Unit: Events, Width: 8, Levels: upTo(1, 100), Min: number(0),
			Description: "What single addresses were refused in a second, by the limit that they had reached.",
			Queries:     []Query{ask("{{limit}}", each("limit", at("zgoda_gateway_limited_total")))},
		},
	}
}

func watchPanels() []Panel {
	return []Panel{
		{
			Title: "Time of a scrape", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(0.5, 5), Min: number(0),
			Description: "How long Prometheus takes to read each process. It gives up after 10 seconds.",
			Queries:     []Query{ask("{{job}} {{instance}}", "scrape_duration_seconds"+both)},
		},
		{
			Title: "Samples of a scrape", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(10000, 50000), Min: number(0),
			Description: "How many series each process tells. Labels are bounded: it grows with the configured sites and purposes up to their limits and not with people.",
			Queries:     []Query{ask("{{job}} {{instance}}", "scrape_samples_scraped"+both)},
		},
		{
			Title: "Clocks", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(2, 30), Min: number(0),
			Description: "How far the clocks of ClickHouse, its replicas, the keyholder and the control store's PostgreSQL are from the gateway's, either way. Deadlines and retention go by clocks.",
			Queries:     []Query{ask("{{peer}} {{instance}}", "abs("+at("zgoda_clock_skew_seconds")+")")},
		},
	}
}
