package dashboards

// Pipeline follows an event from its request to ClickHouse.
func Pipeline() Dashboard {
	return Dashboard{
		UID: "zgoda-pipeline", Title: "Zgoda: pipeline",
		Description: "The way of an event: the stages of its request, the spool on disk, the writer and ClickHouse, and what waits for the keyholder.",
		Rows: []Row{
			{"The request", stagePanels()},
			{"Spool", spoolPanels()},
			{"Writer", writerPanels()},
			{"ClickHouse", clickhousePanels()},
			{"Waiting for the keyholder", sealedPanels()},
		},
	}
}

func stagePanels() []Panel {
	return []Panel{
		{
			Title: "Stages, 95 %", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(0.1, 0.5), Min: number(0), Stacked: true,
			Description: "The time that 95 of 100 requests stay below in each stage: read, load (who it is about), decide, spool (the disk) and answer. One request of 64 is measured.",
			Queries:     []Query{ask("{{stage}}", quantile(0.95, "stage", at("zgoda_collector_stage_seconds"))+" >= 0")},
			Empty:       "nobody sent events within the span",
		},
		{
			Title: "Answers", Kind: Heatmap, Unit: Seconds, Width: 8, Levels: upTo(0.1, 0.5),
			Description: "How many requests with events took how long from being whole to their answer.",
			Queries:     []Query{ask("{{le}}", buckets(at("zgoda_gateway_request_seconds", collects)))},
		},
		{
			Title: "Loading people", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(0.05, 0.25), Min: number(0),
			Description: "The time that 95 of 100 loads of identifiers not in memory stay below, by its parts: gathering, the keyholder's answer, the control store's answer.",
			Queries:     []Query{ask("{{part}}", quantile(0.95, "part", at("zgoda_subjects_load_part_seconds"))+" >= 0")},
			Empty:       "everybody who was asked for was in memory",
		},
	}
}

func spoolPanels() []Panel {
	return []Panel{
		{
			Title: "Spool filled", Kind: Graph, Unit: Ratio, Width: 6, Levels: upTo(0.5, 0.9), Min: number(0),
			Description: "The part of the spool's room on disk that is taken. When it is full, events are refused.",
			Queries:     []Query{ask("{{instance}}", share(at("zgoda_spool_bytes"), at("zgoda_spool_limit_bytes")))},
		},
		{
			Title: "Oldest not stored", Kind: Graph, Unit: Seconds, Width: 6, Levels: upTo(10, 120), Min: number(0),
			Description: "How long the oldest event in the spool has been waiting to be in ClickHouse. The objective is below 10 seconds.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_spool_oldest_seconds"))},
		},
		{
			Title: "Commits", Kind: Graph, Unit: Seconds, Width: 6, Levels: upTo(0.05, 0.5), Min: number(0),
			Description: "The time to make a group of events durable on disk. Every answer waits for one.",
			Queries: []Query{
				ask("half", quantile(0.5, "", at("zgoda_spool_commit_seconds"))),
				ask("99 of 100", quantile(0.99, "", at("zgoda_spool_commit_seconds"))),
			},
		},
		{
			Title: "Group size", Kind: Graph, Unit: Number, Width: 6, Levels: anyValue(), NoLimit: "groups grow with the load, by design", Min: number(0),
			Description: "Events in a group that one write to the disk makes durable, on average. It rises under load.",
			Queries:     []Query{ask("events", each("", at("zgoda_spool_group_records_sum"))+" / "+each("", at("zgoda_spool_group_records_count")))},
		},
		{
			Title: "Waiting events", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(1e6, 1e7), Min: number(0),
			Description: "Events that are durable in the spool and not in ClickHouse yet.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_spool_waiting_records"))},
		},
		{
			Title: "Spool's disk", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(1, 5), Min: number(0),
			Description: "How long the group that is being written has been waiting for the disk. Above some seconds the disk hangs.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_spool_disk_wait_seconds"))},
		},
		{
			Title: "Spool's faults", Kind: Graph, Unit: Plain, Width: 8, Levels: none(1), Min: number(0),
			Description: "Refusals by the disk within an hour, and since the start: damage set aside and tails that a crash had torn and that were cut off. A torn tail was never answered.",
			Queries: []Query{
				ask("refused by the disk", "sum(increase("+at("zgoda_spool_failures_total")+"[1h]))"),
				ask("damaged", by("", at("zgoda_spool_damaged"))), ask("torn", by("", at("zgoda_spool_torn"))),
			},
		},
	}
}

func writerPanels() []Panel {
	return []Panel{
		{
			Title: "Rows stored", Kind: Graph, Unit: Events, Width: 8, Levels: anyValue(), NoLimit: "how much comes is up to the senders", Min: number(0),
			Description: "Rows written to ClickHouse in a second, and ranges of them released from the spool.",
			Queries:     []Query{ask("rows", each("", at("zgoda_writer_rows_total"))), ask("ranges", each("", at("zgoda_writer_batches_total")))},
		},
		{
			Title: "Durable to stored", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(5, 10), Min: number(0),
			Description: "The time from being durable in the spool to being in ClickHouse and released, of ranges of events. The objective is below 10 seconds.",
			Queries: []Query{
				ask("half", quantile(0.5, "", at("zgoda_writer_delay_seconds"))),
				ask("99 of 100", quantile(0.99, "", at("zgoda_writer_delay_seconds"))),
			},
		},
		{
			Title: "Steps of a range, 95 %", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(2, 10), Min: number(0), Stacked: true,
			Description: "The time that 95 of 100 ranges stay below in each step: read from the spool, insert, verify what is there, release.",
			Queries:     []Query{ask("{{step}}", quantile(0.95, "step", at("zgoda_writer_range_seconds"))+" >= 0")},
			Empty:       "nothing was stored within the span",
		},
		{
			Title: "Stalled by why", Kind: Graph, Unit: Plain, Width: 8, Levels: none(1), Min: number(0),
			Description: "Steps of the writer that fail and are tried again now, by why. Nothing is lost: it waits in the spool.",
			Queries:     []Query{ask("{{why}}", by("why", at("zgoda_writer_stalled")))},
		},
		{
			Title: "Tried again", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(100, 1000), Min: number(0),
			Description: "Within a quarter of an hour: steps tried again, ranges split because a row was refused, questions of what is there, and rows that were missing and sent again.",
			Queries: []Query{
				ask("tried again", "sum(increase("+at("zgoda_writer_retries_total")+"[15m]))"),
				ask("split", "sum(increase("+at("zgoda_writer_splits_total")+"[15m]))"),
				ask("read back", "sum(increase("+at("zgoda_writer_readbacks_total")+"[15m]))"),
				ask("mended", "sum(increase("+at("zgoda_writer_holes_mended_total")+"[15m]))"),
			},
		},
		{
			Title: "Quarantine", Kind: Graph, Unit: Number, Width: 8, Levels: none(1), Min: number(0),
			Description: "Events that ClickHouse refuses for their content, within the hour, and those of which it can no longer be found out whether they were stored. They are kept and can be sent again.",
			Queries: []Query{
				ask("refused", "sum(increase("+at("zgoda_writer_quarantined_total")+"[1h]))"),
				ask("unreadable", "sum(increase("+at("zgoda_writer_unreadable_total")+"[1h]))"),
			},
		},
	}
}

func clickhousePanels() []Panel {
	return []Panel{
		{
			Title: "ClickHouse answers", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(1, 3), Min: number(0),
			Description: "The time that the smallest question takes, asked every 5 seconds of each server, and for how long none was answered. The first is written to; replicas have copies.",
			Queries: []Query{
				ask("{{server}}, 99 of 100", "histogram_quantile(0.99, sum by (server, le) (rate("+at("zgoda_clickhouse_probe_seconds_bucket")+"[5m]))) >= 0"),
				ask("{{server}} away", highest("server", at("zgoda_clickhouse_away_seconds"))),
			},
		},
		{
			Title: "Parts", Kind: Graph, Unit: Ratio, Width: 8, Levels: upTo(0.3, 0.5), Min: number(0),
			Description: "Parts of the partition that has the most, by server and table, of those at which the server refuses rows. They rise when merges do not keep up.",
			Queries:     []Query{ask("{{server}} {{table}}", highest("server, table", at("zgoda_clickhouse_parts"))+" / on (server) group_left () "+highest("server", at("zgoda_clickhouse_parts_limit")))},
		},
		{
			Title: "Disk of ClickHouse", Kind: Graph, Unit: Ratio, Width: 8, Levels: atLeast(0.03, 0.1), Min: number(0), Max: number(1),
			Description: "The part of each server's disk that is free, of the disk that has the least.",
			Queries:     []Query{ask("{{server}}", "min by (server) ("+share(at("zgoda_clickhouse_disk_free_bytes"), at("zgoda_clickhouse_disk_size_bytes"))+")")},
		},
		{
			Title: "Mutations", Kind: Graph, Unit: Plain, Width: 8, Levels: upTo(10, 100), Min: number(0),
			Description: "Changes of stored rows that a server has not carried out yet, by server and table, and those whose last try failed. Erasures and withdrawals make them.",
			Queries: []Query{
				ask("{{server}} {{table}}", highest("server, table", at("zgoda_clickhouse_mutations_waiting"))),
				ask("{{server}} {{table}} failed", highest("server, table", at("zgoda_clickhouse_mutations_failed"))),
			},
		},
		{
			Title: "Oldest mutation", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(600, 3600), Min: number(0),
			Description: "How long the oldest mutation of each server that is not done has waited; 0 when none does.",
			Queries:     []Query{ask("{{server}}", highest("server", at("zgoda_clickhouse_mutation_oldest_seconds")))},
		},
		{
			Title: "Rows", Kind: Bars, Unit: Number, Width: 8, Levels: anyValue(), NoLimit: "how much is kept is up to retention", Min: number(0),
			Description: "Rows of each of our tables on each server, those that are masked and not yet merged away included.",
			Queries:     []Query{askNow("{{server}} {{table}}", highest("server, table", at("zgoda_clickhouse_rows")))},
		},
	}
}

func sealedPanels() []Panel {
	return []Panel{
		{
			Title: "Sealed room", Kind: Graph, Unit: Ratio, Width: 8, Levels: upTo(0.5, 0.9), Min: number(0),
			Description: "The part of the room that is taken by events sealed to the keyholder, and by what events say of their contact.",
			Queries: []Query{
				ask("events", highest("", share(at("zgoda_later_bytes"), at("zgoda_later_limit_bytes")))),
				ask("said", highest("", share(at("zgoda_said_bytes"), at("zgoda_said_limit_bytes")))),
			},
		},
		{
			Title: "Oldest sealed", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(60, 300), Min: number(0),
			Description: "How long the first of them has been waiting for the keyholder.",
			Queries: []Query{
				ask("events", highest("", at("zgoda_later_oldest_seconds"))),
				ask("said", highest("", at("zgoda_said_oldest_seconds"))),
			},
		},
		{
			Title: "Rewriting for a rotation", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(60, 600), Min: number(0),
			Description: "How long the writer has held while a purpose key's rotation rewrites what is stored; 0 when nothing holds it.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_writer_held_seconds"))},
		},
	}
}
