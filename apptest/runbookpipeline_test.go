package apptest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/disk"
)

// pipelineScenes are troubles of the spool, of ClickHouse and of what waits.
func pipelineScenes() []scene {
	return []scene{
		{"limits", func(t *testing.T) *operated {
			t.Helper()
			return operate(t, "spool_limit: 64MiB\nsealed_limit: 64MiB\n")
		}, []trouble{
			{alert: "ZgodaClickHouseAway", begin: engineGone, shows: []string{"zgoda_spool_waiting_records", "PROBLEM lag"}, over: shipped},
			{alert: "ZgodaSpoolFilling", begin: spoolAt(0.55), over: shipped},
			{alert: "ZgodaSpoolFull", begin: spoolAt(0.92), over: shipped},
			{alert: "ZgodaSealedFilling", begin: sealedAt(0.55), over: shipped},
		}},
		{"ClickHouse", func(t *testing.T) *operated { t.Helper(); return operate(t, "") }, []trouble{
			{alert: "ZgodaWriterStalled", begin: viewIntoNothing, shows: []string{`why="schema"`, "shop_view"}, over: shipped},
			{
				alert: "ZgodaQuarantine", begin: ordersRefused, shows: []string{"zgoda_writer_quarantine_full 1", "why=content", orderColumn + "\tUInt32\tMATERIALIZED"},
				over: quarantineAway, lasts: "it counts over an hour",
			},
			{alert: "ZgodaLimitNear", begin: quarantineNearlyFull, shows: []string{"quarantine"}},
			{alert: "ZgodaClickHouseParts", begin: mutationFails, shows: []string{"page_title"}},
		}},
		{"disk", diskScene, []trouble{
			{alert: "ZgodaDiskLow", begin: diskLow},
			{alert: "ZgodaSpoolDisk", begin: spoolDiskFull, shows: []string{"no space left on device"}, over: func(t *testing.T, o *operated) {
				t.Helper()
				if o.engine.cmd == nil {
					o.engine.start(t)
				}
				shipped(t, o)
			}},
		}},
	}
}

// shipped: nothing waits any more.
func shipped(t *testing.T, o *operated) {
	t.Helper()
	m := o.settled(t, time.Minute)
	if m["zgoda_spool_waiting_records"] != 0 || m["zgoda_later_waiting_records"] != 0 {
		t.Errorf("%v events wait for ClickHouse, %v for the keyholder", m["zgoda_spool_waiting_records"], m["zgoda_later_waiting_records"])
	}
}

func engineGone(t *testing.T, o *operated) {
	t.Helper()
	o.engine.end(syscall.SIGKILL)
	l := o.busy(t, mix{clients: 2, pause: 10 * time.Millisecond})
	stepping(o.stack, l).more(t, 100)
	l.stop()
}

// spoolAt fills the spool to a part of its limit while ClickHouse is away.
func spoolAt(part float64) func(t *testing.T, o *operated) {
	return func(t *testing.T, o *operated) {
		t.Helper()
		o.engine.end(syscall.SIGKILL)
		l := o.busy(t, mix{clients: 4, pad: 6000})
		defer l.stop()
		poll(t, 5*time.Millisecond, time.Minute, "a spool that fills", func() bool {
			m := o.metrics(t)
			return m["zgoda_spool_bytes"] > part*m["zgoda_spool_limit_bytes"]
		})
	}
}

// sealedAt fills what waits for the keyholder to a part of its limit.
func sealedAt(part float64) func(t *testing.T, o *operated) {
	return func(t *testing.T, o *operated) {
		t.Helper()
		o.keyholder.end(syscall.SIGKILL)
		l := o.busy(t, mix{clients: 4, pad: 6000, strangers: true})
		defer l.stop()
		poll(t, 5*time.Millisecond, time.Minute, "events that wait for the keyholder", func() bool {
			m := o.metrics(t)
			return m["zgoda_later_bytes"] > part*m["zgoda_later_limit_bytes"]
		})
	}
}

// sql runs statements as the server's administrator.
func (o *operated) administer(t *testing.T, statements ...string) string {
	t.Helper()
	var out strings.Builder
	for _, statement := range statements {
		if err := o.ask(t.Context(), statement, &out); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return strings.TrimSpace(out.String())
}

// some answers events that need not have a fate yet.
func some(t *testing.T, o *operated, events int64) {
	t.Helper()
	l := o.busy(t, mix{clients: 2, pause: 5 * time.Millisecond})
	stepping(o.stack, l).more(t, events)
	l.stop()
}

// viewIntoNothing: somebody's view writes each event into a table that they dropped.
func viewIntoNothing(t *testing.T, o *operated) {
	t.Helper()
	o.administer(t, "CREATE TABLE zgoda.shop_target (n String) ENGINE = Memory",
		"CREATE MATERIALIZED VIEW zgoda.shop_view TO zgoda.shop_target AS SELECT name AS n FROM zgoda.events", "DROP TABLE zgoda.shop_target SYNC")
	some(t, o, 20)
	o.variables["VIEW"] = "shop_view"
}

// mutationFails: somebody changes rows by an expression that fails.
func mutationFails(t *testing.T, o *operated) {
	t.Helper()
	someLoad(t, o)
	o.administer(t, "ALTER TABLE zgoda.events UPDATE page_title = toString(throwIf(length(page_title) < 100000)) WHERE 1 SETTINGS mutations_sync = 0")
	o.variables["MUTATION"] = o.administer(t, "SELECT mutation_id FROM system.mutations WHERE database = 'zgoda' AND NOT is_done AND command LIKE '%throwIf%'")
}

// diskScene has a disk of its own under the spool where one can be made.
func diskScene(t *testing.T) *operated {
	t.Helper()
	kinds := disk.Kinds(t)
	best := kinds[len(kinds)-1]
	return operateOn(t, func(folder string) disk.Disk { return best.New(t, folder) }, "spool_limit: 64MiB\n")
}

// diskLow lets a file of somebody else take the disk.
func diskLow(t *testing.T, o *operated) {
	t.Helper()
	o.variables["REMOVE"] = filepath.Join(o.folder, "somebodys.log")
	loop, ok := o.disk.(*disk.Loop)
	if !ok {
		o.blind = "this user can make no disk that is full"
		if err := os.WriteFile(o.variables["REMOVE"], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	loop.TopUp(t)
	o.variables["REMOVE"] = filepath.Join(o.data, "spool", "ballast")
}

// spoolDiskFull lets somebody's file and the spool take the disk while ClickHouse is
// away.
func spoolDiskFull(t *testing.T, o *operated) {
	t.Helper()
	o.engine.end(syscall.SIGKILL)
	diskLow(t, o)
	o.variables["DEVICE"] = ""
	if loop, ok := o.disk.(*disk.Loop); ok {
		o.variables["DEVICE"] = loop.Device()
	}
	if o.blind != "" { // the disk's answers are the test's: it has room once the file is gone
		o.blind = ""
		o.disk.Fill(t)
		go func() {
			for _, err := os.Stat(o.variables["REMOVE"]); err == nil; _, err = os.Stat(o.variables["REMOVE"]) {
				select {
				case <-t.Context().Done():
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
			o.disk.Mend(t)
		}()
	}
	l := o.busy(t, mix{clients: 4, pad: 6000})
	eventually(t, time.Minute, "a disk that refuses", func() bool { return o.metrics(t)["zgoda_spool_failing"] == 1 })
	l.stop()
}
