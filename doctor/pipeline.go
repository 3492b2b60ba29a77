package doctor

import (
	"context"
	"fmt"
	"path/filepath"
)

// damaged are the files that the way of an event leaves for somebody to look at.
var damaged = []string{"spool/*.damaged", "later/*.damaged", "said/*.damaged", "journal/quarantine/*.damaged"}

// spool looks at what waits on disk, and how much more may.
func (s *system) spool(ctx context.Context) []Finding {
	var list []Finding
	for _, pattern := range damaged {
		if found, err := filepath.Glob(filepath.Join(s.Data, filepath.FromSlash(pattern))); err == nil && len(found) > 0 {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("%s: %d files were set aside as damaged", pattern, len(found)), Why: "events that were accepted may be in them and nowhere else, and nobody can tell whose they are",
				Do: "read what docs/operating.md says about damage in the spool, check the disk, then remove them", Runbook: "ZgodaSpoolDisk",
			})
		}
	}
	m, err := s.metrics(ctx)
	if err != nil {
		return append(list, unseen(err)...)
	}
	list = append(list, s.fill(m)...)
	if _, failing := m.above("zgoda_spool_failing", 0); failing {
		list = append(list, Finding{
			Level: Problem, What: "the disk of the spool refuses what is written", Why: "events are refused, since none is accepted before it is on disk",
			Do: "see the log of the kernel (`dmesg`) and the volume; the gateway goes on by itself", Runbook: "ZgodaSpoolDisk",
		})
	}
	if s, waits := m.above("zgoda_spool_disk_wait_seconds", 5); waits {
		list = append(list, Finding{
			Level: Problem, What: "the disk of the spool has not answered for " + duration(s), Why: "nobody gets an answer before an event is on disk",
			Do: "see the volume: a network disk that is away, or one that fails", Runbook: "ZgodaSpoolDisk",
		})
	}
	return list
}

func (s *system) fill(m *Metrics) (list []Finding) {
	for _, q := range []struct{ what, bytes, limit, why, do, runbook string }{
		{
			"the spool", "zgoda_spool_bytes", "zgoda_spool_limit_bytes", "at its limit events are refused with 503",
			"see why ClickHouse does not take them (the checks `lag` and `clickhouse`); if more simply comes, raise `spool_limit`", "ZgodaSpoolFilling",
		},
		{
			"the quarantine", "zgoda_writer_quarantine_bytes", "zgoda_writer_quarantine_limit_bytes", "when it is full everything behind a bad row waits",
			"find out what ClickHouse refuses (the log names the range), mend its cause, then put the files away as docs/operating.md says", "ZgodaQuarantine",
		},
		{
			"the queue of the undecided", "zgoda_later_bytes", "zgoda_later_limit_bytes", "at its limit events of people who are not known are refused",
			"bring the keyholder back: `zgoda keys status`", "ZgodaSealedFilling",
		},
		{
			"the queue of what contacts said", "zgoda_said_bytes", "zgoda_said_limit_bytes", "at its limit such events are refused",
			"bring the keyholder back: `zgoda keys status`", "ZgodaSealedFilling",
		},
	} {
		part, ok := m.ratio(q.bytes, q.limit)
		if level := (bounds{0.5, 0.9}).of(part); ok && level != OK {
			list = append(list, Finding{Level: level, What: fmt.Sprintf("%s is %.0f %% full", q.what, 100*part), Why: q.why, Do: q.do, Runbook: q.runbook})
		}
	}
	return list
}

// stalls say what to do for a reason for which ClickHouse takes no rows.
var stalls = map[string]string{
	"login":       "give the gateway a user and password that ClickHouse knows, with the grants of docs/operating.md",
	"read_only":   "make the tables writable: a replica without its keeper, or a disk that went read-only",
	"memory":      "give ClickHouse more memory, or find the query that takes it: `SELECT query FROM system.processes`",
	"parts":       "let merges catch up: see what holds them, `SELECT * FROM system.merges`",
	"disk":        "make room on ClickHouse's disk",
	"schema":      "bring the tables back to the schema of this release: a start of this release migrates them",
	"content":     "see which range the log names; rows that are refused go to the quarantine",
	"unreachable": "bring ClickHouse back, or the way to it",
	"refused":     "see ClickHouse's own words in the log of the gateway",
	"other":       "see ClickHouse's own words in the log of the gateway",
}

// lag looks at how long something waits that should not.
func (s *system) lag(ctx context.Context) []Finding {
	m, err := s.metrics(ctx)
	if err != nil {
		return unseen(err)
	}
	var list []Finding
	m.each("zgoda_writer_stalled", "why", func(why string, n float64) {
		if n > 0 {
			list = append(list, Finding{
				Level: Problem, What: "ClickHouse takes no rows: " + why, Why: "events wait in the spool until somebody mends it, and are refused once it is full",
				Do: stalls[why], Runbook: "ZgodaWriterStalled",
			})
		}
	})
	waits := func(what, metric string, limit bounds, why, do, runbook string) {
		v, _ := m.value(metric)
		if level := limit.of(v); level != OK {
			list = append(list, Finding{Level: level, What: what + " " + duration(v), Why: why, Do: do, Runbook: runbook})
		}
	}
	waits("the oldest event in the spool has waited for", "zgoda_spool_oldest_seconds", bounds{120, 900},
		"what analysts see is as old, and the spool fills", "see the check `clickhouse`; if ClickHouse is well, more comes than it takes", "ZgodaWriterBehind")
	waits("events have waited for the keyholder for", "zgoda_later_oldest_seconds", bounds{120, 900},
		"nobody can tell yet whether they may be stored", "`zgoda keys status`; see why the keyholder does not answer", "ZgodaKeyholderAway")
	waits("what contacts said of themselves has waited for the vault for", "zgoda_said_oldest_seconds", bounds{120, 900},
		"an export or a correction would not have it", "`zgoda keys status`; see why the keyholder does not answer", "ZgodaKeyholderAway")
	waits("the rewriting of rows under a new key has held the writer for", "zgoda_writer_held_seconds", bounds{600, 3600},
		"nothing is stored meanwhile", "`zgoda keys status`; the log says what the rewriting waits for", "ZgodaRotationStuck")
	waits("changes of other gateways were last heard of", "zgoda_control_heartbeat_age_seconds", bounds{1, 5},
		"people are looked up one by one meanwhile, which is slow", "see the PostgreSQL of the control store", "ZgodaControlAway")
	return list
}

// serverName is what a server of ClickHouse is called, which the gateway tells of as
// first, replica_1 and so on.
func serverName(server string) string {
	if server == "first" || server == "" {
		return "ClickHouse"
	}
	return "ClickHouse's " + server
}

// clickhouse looks at the servers and their tables.
func (s *system) clickhouse(ctx context.Context) []Finding {
	m, err := s.metrics(ctx)
	if err != nil {
		return unseen(err)
	}
	var list []Finding
	m.each("zgoda_clickhouse_away_seconds", "server", func(server string, v float64) {
		if v <= 15 {
			return
		}
		f := Finding{
			Level: Problem, What: serverName(server) + " has not answered for " + duration(v), Why: "events wait in the spool, queries fail, and no erasure or withdrawal reaches stored rows",
			Do: "bring it back; with `zgoda up` it is started again by itself, and the log says why it ended", Runbook: "ZgodaClickHouseAway",
		}
		if server != "first" {
			f.Why, f.Do = "erasures, withdrawals and rotations wait until each copy of the rows is told", "bring the server back; one that is gone for good is taken from `clickhouse_replicas`"
		}
		list = append(list, f)
	})
	m.beside("zgoda_clickhouse_parts", "zgoda_clickhouse_parts_limit", "server", func(server string, parts, limit float64) {
		if level := (bounds{0.3, 0.8}).of(parts / limit); level != OK {
			list = append(list, Finding{
				Level: level, What: fmt.Sprintf("a partition of %s has %.0f %% of the parts at which it refuses rows", serverName(server), 100*parts/limit), Why: "at the limit nothing is stored",
				Do: "see what holds the merges: `SELECT * FROM system.merges`; or the disk is too slow", Runbook: "ZgodaClickHouseParts",
			})
		}
	})
	for _, sample := range m.samples["zgoda_clickhouse_mutations_failed"] {
		if sample.value > 0 {
			list = append(list, Finding{
				Level: Problem, What: fmt.Sprintf("%.0f mutations of the table %s of %s fail", sample.value, sample.labels["table"], serverName(sample.labels["server"])), Why: "erasures and withdrawals wait for them",
				Do: "`zgoda requests list`; and on the server: `SELECT latest_fail_reason FROM system.mutations WHERE NOT is_done`", Runbook: "ZgodaErasureLate",
			})
		}
	}
	m.each("zgoda_clickhouse_mutation_oldest_seconds", "server", func(server string, v float64) {
		if v > 3600 {
			list = append(list, Finding{
				Level: Warning, What: "a mutation of " + serverName(server) + " has not been done for " + duration(v), Why: "erasures and withdrawals wait for it",
				Do: "see what holds it: `SELECT * FROM system.mutations WHERE NOT is_done`", Runbook: "ZgodaErasureLate",
			})
		}
	})
	m.each("zgoda_clickhouse_away_seconds", "server", func(server string, _ float64) {
		told := false
		m.each("zgoda_clickhouse_parts_limit", "server", func(of string, _ float64) { told = told || of == server })
		if !told {
			list = append(list, Finding{Level: Skipped, What: "parts, mutations and disk of " + serverName(server) + " are not told: it is away, or its user may not read them (docs/operating.md has the grants)"})
		}
	})
	if answer, err := s.ask(ctx); err == nil {
		for _, f := range answer.Past {
			if f.What == "replicas" {
				list = append(list, Finding{
					Level: Problem, What: f.Text, Why: "erasures, withdrawals and rotations wait until each copy is told", Do: "bring the server back; one that is gone for good is taken from `clickhouse_replicas`",
					Runbook: "ZgodaErasureLate",
				})
			}
		}
	}
	return list
}
