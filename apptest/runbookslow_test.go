package apptest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// slowScenes are troubles of a ClickHouse that answers and is slow.
func slowScenes() []scene {
	return []scene{
		{"slow", func(t *testing.T) *operated { t.Helper(); return operate(t, "spool_limit: 64MiB\n") }, []trouble{
			{alert: "ZgodaWriterBehind", begin: slowView, shows: []string{report, "shop_slow"}, over: shipped},
		}},
	}
}

// report is the id of a query that somebody began and forgot.
const report = "report-of-the-year"

// slowView: somebody hung a view on the table of events that takes 40 seconds for each
// insert, so that events of two minutes ago wait, though nothing fails; and a report
// goes on and on.
func slowView(t *testing.T, o *operated) {
	t.Helper()
	var sleeps []string
	for n := range 14 { // ClickHouse lets one function sleep for 3 seconds
		sleeps = append(sleeps, fmt.Sprintf("sleep(2.9%d)", n+10))
	}
	o.administer(t, "CREATE TABLE zgoda.shop_words (n UInt8) ENGINE = Null",
		"CREATE MATERIALIZED VIEW zgoda.shop_slow TO zgoda.shop_words AS SELECT toUInt8("+strings.Join(sleeps, " + ")+") AS n FROM zgoda.events")
	o.forget(t, report, "SELECT sum(sleepEachRow(1)) FROM numbers(100000) SETTINGS max_block_size = 1")
	o.variables["QUERY"], o.variables["VIEW"] = report, "shop_slow"
	l := o.busy(t, mix{clients: 4, pad: 20_000})
	poll(t, 5*time.Millisecond, time.Minute, "events that wait", func() bool {
		m := o.metrics(t)
		return m["zgoda_spool_bytes"] > 0.4*m["zgoda_spool_limit_bytes"]
	})
	l.stop()
	poll(t, time.Second, 3*time.Minute, "ZgodaWriterBehind in Prometheus", func() bool { return o.active(t, "ZgodaWriterBehind") })
}

// forget begins a query that nobody waits for, and returns once the server has it.
func (o *operated) forget(t *testing.T, id, query string) {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{o.engine.access.Address}, Auth: clickhouse.Auth{
		Database: "zgoda", Username: o.engine.access.Admin.User, Password: o.engine.access.Admin.Password.Reveal(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	go func() {
		defer close(ended)
		_ = conn.Exec(clickhouse.Context(context.WithoutCancel(t.Context()), clickhouse.WithQueryID(id)), query) // ends as it is killed
	}()
	eventually(t, 20*time.Second, id, func() bool {
		return o.administer(t, "SELECT count() FROM system.processes WHERE query_id = '"+id+"'") == "1"
	})
}
