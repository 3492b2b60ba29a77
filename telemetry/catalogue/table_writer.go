package catalogue

// tables are our tables in ClickHouse.
var tables = by("table", "erasures_done", "events", "links")

// server is a server of ClickHouse; as many as config.MaxReplicas, and the first.
var server = upTo(17, "server", "`first`, which is written to, and `replica_1` and so on as `clickhouse_replicas` lists them")

// delays are the edges of what goes on after the answer.
var delays = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 3600}

var writer = group("writer", Gateway,
	counter("zgoda_rekey_failures_total", "Attempts of the job that failed and were begun anew."),
	gauge("zgoda_rekey_held", "1 while the writer holds for it."),
	counter("zgoda_rekey_holds_total", "Times that the job had all writers hold."),
	gauge("zgoda_rekey_left_partitions", "Partitions that are still to be rewritten, as the job saw it last."),
	gauge("zgoda_rekey_open", "1 while a purpose key's rotation waits for what is stored to be rewritten."),
	counter("zgoda_rekey_rows_total", "Rows that got a new pseudonym."),
	counter("zgoda_writer_batches_total", "Ranges released."),
	gauge("zgoda_writer_dedup_window_seconds", "How far back a repeated message id is recognised now."),
	counter("zgoda_writer_erased_total", "Records taken out of the spool and the quarantine by erasures."),
	gauge("zgoda_writer_held_seconds", "How long nothing has been begun to be stored, since a key's rotation rewrites what is; 0: nothing holds."),
	counter("zgoda_writer_holes_mended_total", "Rows missing after an insert that was answered, and sent again."),
	gauge("zgoda_writer_lag_seconds", "How long the last range waited from durable to released.", note("Keeps its value while nothing is stored: for an alarm take `zgoda_spool_oldest_seconds`.")),
	gauge("zgoda_writer_quarantine_bytes", "Bytes of the quarantine on disk."),
	gauge("zgoda_writer_quarantine_full", "1 while a range waits because the quarantine is full."),
	gauge("zgoda_writer_quarantine_limit_bytes", "Bytes at which the quarantine is full."),
	counter("zgoda_writer_quarantined_total", "Records put into the quarantine."),
	gauge("zgoda_writer_range_limit_rows", "Records that the next range may have."),
	gauge("zgoda_writer_ranges_in_flight", "Ranges that are read and not released."),
	gauge("zgoda_writer_ranges_in_flight_limit", "Ranges in flight at most."),
	counter("zgoda_writer_readbacks_total", "Times the store was asked what is there."),
	counter("zgoda_writer_retries_total", "Steps that failed and were tried again."),
	counter("zgoda_writer_rows_total", "Rows stored."),
	gauge("zgoda_writer_seen_ids", "Message ids remembered."),
	gauge("zgoda_writer_seen_limit_ids", "Message ids remembered at most."),
	counter("zgoda_writer_splits_total", "Ranges split because a row was refused."),
	counter("zgoda_writer_unreadable_total", "Records quarantined because it can no longer be found out whether they were stored."),
	gauge("zgoda_writer_stalled", "Steps that fail and are tried again now, by why.", note("`other` is our own disk or store."),
		by("why", "login", "read_only", "memory", "parts", "disk", "schema", "content", "unreachable", "refused", "other")),
	histogram("zgoda_writer_range_seconds", "Time of each step of a range of records: read (from the spool to the journal), insert (each attempt), verify (each time the store is asked what is there), release.", answers, by("step", "read", "insert", "verify", "release")),
	histogram("zgoda_writer_delay_seconds", "Time from durable to stored and released of the oldest record of each range. Its exemplars name the range by where it begins in the spool.", delays),
)

var clickhouse = group("clickhouse", Gateway,
	gauge("zgoda_clickhouse_away_seconds", "How long ClickHouse has not answered a question; it is asked every 5 seconds.", server),
	histogram("zgoda_clickhouse_probe_seconds", "Time that ClickHouse took to answer the smallest question.", answers, server),
	gauge("zgoda_clickhouse_parts", "Parts of the table's partition that has the most.", note("Like all that is read from its system tables, not told until it was read once, nor where [the grants](operating.md#a-clickhouse-server-of-your-own) are missing."), server, tables),
	gauge("zgoda_clickhouse_parts_limit", "Parts of a partition at which the server refuses rows.", server),
	gauge("zgoda_clickhouse_rows", "Rows of the table.", server, tables),
	gauge("zgoda_clickhouse_mutations_waiting", "Mutations of the table that are not done.", server, tables),
	gauge("zgoda_clickhouse_mutations_failed", "Of them, those whose last try failed.", server, tables),
	gauge("zgoda_clickhouse_mutation_oldest_seconds", "How long the oldest mutation that is not done has waited; 0: none is.", server),
	gauge("zgoda_clickhouse_disk_free_bytes", "Free space of the server's disk that has the least left for its size.", server),
	gauge("zgoda_clickhouse_disk_size_bytes", "Size of that disk.", server),
	gauge("zgoda_clock_skew_seconds", "How far the clock of another part is ahead of this process'; negative: behind.", note("Not told while answers take longer than a second, nor a minute after the last."),
		upTo(19, "peer", "`clickhouse` and its `replica_1` and so on, `keyholder`, and `control` where that is PostgreSQL")),
)
