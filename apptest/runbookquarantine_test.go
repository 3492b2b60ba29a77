package apptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// orderColumn is a column that somebody added to the table of events by hand: the
// number in the name of an event "Order NUMBER". ClickHouse refuses for good what has
// something else there.
const orderColumn = "shop_order"

func (o *operated) addOrderColumn(t *testing.T) {
	t.Helper()
	o.administer(t, "ALTER TABLE zgoda.events ADD COLUMN "+orderColumn+" UInt32 MATERIALIZED toUInt32(if(startsWith(name, 'Order '), substring(name, 7), '0'))")
	o.variables["COLUMN"] = orderColumn
}

// orders sends events of orders, among others in the same batch; all are answered as
// taken.
func (o *operated) orders(t *testing.T, numbers ...string) {
	t.Helper()
	o.loads++
	var batch []string
	for i, number := range numbers {
		batch = append(batch,
			fmt.Sprintf(`{"type":"track","userId":"buyer","event":"Order %s","messageId":"order-%d-%d",%s}`, number, o.loads, i, grantAll),
			fmt.Sprintf(`{"type":"track","userId":"buyer","event":"Looked","messageId":"looked-%d-%d",%s}`, o.loads, i, grantAll))
	}
	resp, text := post(t, o.public+"/v1/batch", `{"batch":[`+strings.Join(batch, ",")+`]}`, mix{secret: operatedSecret}.headers())
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the orders: %d %s", resp.StatusCode, text)
	}
}

// wrongOrders are numbers that the column refuses.
func wrongOrders(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("A-%d", i))
	}
	return all
}

// ordersRefused: ClickHouse refuses some orders for their content, which go into the
// quarantine, and stores what came with them. Then the quarantine is full, and a range
// with a wrong order in it waits.
func ordersRefused(t *testing.T, o *operated) {
	t.Helper()
	someLoad(t, o)
	o.addOrderColumn(t)
	before := o.metrics(t)
	o.orders(t, "4711", "A-1", "4712")
	m := o.settled(t, 30*time.Second)
	for name, want := range map[string]float64{"zgoda_writer_quarantined_total": 1, "zgoda_events_quarantined_total": 1, "zgoda_events_stored_total": 5} {
		if got := m[name] - before[name]; got != want {
			t.Errorf("%s rose by %v, not %v", name, got, want)
		}
	}
	o.sees(t, "ZgodaQuarantine")
	if log := o.log.String(); !strings.Contains(log, `msg="events are in the quarantine" records=1 why=content error="insert into events: clickhouse refused with code`) || strings.Contains(log, "A-1") {
		t.Error("the log does not say that ClickHouse refused something for its content, or says what")
	}
	files, err := filepath.Glob(filepath.Join(o.data, "journal", "quarantine", "*.quarantine"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files in the quarantine: %v %v", files, err)
	}
	// An earlier file takes the rest of the room.
	o.fillQuarantine(t, 1<<30)
	o.orders(t, "A-2", "4713")
	eventually(t, 30*time.Second, "a full quarantine", func() bool { return o.metrics(t)["zgoda_writer_quarantine_full"] == 1 })
	o.variables["AWAY"] = filepath.Join(o.folder, "away")
}

// fillQuarantine puts a file without blocks beside what is kept there, so that both
// take so many bytes.
func (o *operated) fillQuarantine(t *testing.T, bytes int64) {
	t.Helper()
	path := filepath.Join(o.data, "journal", "quarantine", "ffffffffffffff00.quarantine")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, bytes-int64(o.metrics(t)["zgoda_writer_quarantine_bytes"])); err != nil {
		t.Fatal(err)
	}
}

// ordersStored: the quarantined ones are where the page has put them, and orders of
// the kind that was refused are stored.
func ordersStored(t *testing.T, o *operated) {
	t.Helper()
	before := o.settled(t, 30*time.Second)
	if before["zgoda_spool_waiting_records"] != 0 {
		t.Error("a range waits still")
	}
	o.orders(t, "A-3")
	if m := o.settled(t, 30*time.Second); m["zgoda_events_stored_total"]-before["zgoda_events_stored_total"] != 2 || m["zgoda_events_quarantined_total"] != before["zgoda_events_quarantined_total"] {
		t.Error("an order of the kind that was refused is not stored")
	}
}

// quarantineAway is ordersStored after the files were put elsewhere.
func quarantineAway(t *testing.T, o *operated) {
	t.Helper()
	ordersStored(t, o)
	files, err := filepath.Glob(filepath.Join(o.variables["AWAY"], "*.quarantine"))
	if err != nil || len(files) != 2 {
		t.Errorf("files that were put away: %v %v", files, err)
	}
}

// quarantineNearlyFull: a file takes most of the quarantine's room.
func quarantineNearlyFull(t *testing.T, o *operated) {
	t.Helper()
	o.fillQuarantine(t, 900<<20)
	o.variables["AWAY"] = filepath.Join(o.folder, "elsewhere")
}

// manyOrdersRefused: many orders of the last minutes are in the quarantine.
func manyOrdersRefused(t *testing.T, o *operated) {
	t.Helper()
	someLoad(t, o)
	o.addOrderColumn(t)
	for range 2 {
		o.orders(t, wrongOrders(40)...)
	}
	o.sees(t, "ZgodaDurableBudget")
}
