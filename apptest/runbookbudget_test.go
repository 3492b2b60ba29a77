package apptest

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/disk"
)

// remembered is why an alert of a budget stays.
const remembered = "its windows remember it"

// budgetScenes are troubles that no alert of a cause speaks of, since each is over
// before one would fire.
func budgetScenes() []scene {
	var d disk.Disk
	return []scene{
		{"budgets", func(t *testing.T) *operated {
			t.Helper()
			return operateOn(t, func(string) disk.Disk { d = disk.NewCalls(t); return d }, "")
		}, []trouble{
			{alert: "ZgodaRequestsBudget", begin: oldRequests, shows: []string{"identity_unverified"}, lasts: remembered},
			{alert: "ZgodaWithdrawalBudget", begin: slowWithdrawals, shows: []string{"zgoda_withdrawal_to_enforced_seconds_count 4"}, lasts: remembered},
			{alert: "ZgodaFreshBudget", begin: shortAbsence, lasts: remembered},
			{alert: "ZgodaDurableBudget", begin: manyOrdersRefused, shows: []string{"zgoda_writer_quarantined_total 80", "why=content", orderColumn}, over: ordersStored, lasts: remembered},
			{alert: "ZgodaAcceptedBudget", begin: func(t *testing.T, o *operated) { t.Helper(); shortDisk(t, o, d) }, shows: []string{`reason="spool_failed"`}, lasts: remembered},
			{alert: "ZgodaNotReady", begin: func(t *testing.T, o *operated) { t.Helper(); disklessUntilRestart(t, o, d) }, shows: []string{"503", "disk"}},
		}},
	}
}

// sees waits until Prometheus has the alert as pending.
func (o *operated) sees(t *testing.T, alert string) {
	t.Helper()
	eventually(t, 2*time.Minute, alert+" in Prometheus", func() bool { return o.active(t, alert) })
}

// oldRequests: three requests came six weeks ago, and nobody knows yet who asks.
func oldRequests(t *testing.T, o *operated) {
	t.Helper()
	for n := range 3 {
		out, errs, code := o.zgoda(t, "", "requests", "open", "--site", "demo", "--right", "access", "--proof", "none",
			"--identifier", fmt.Sprintf("user_id:old-%d", n), "--received", time.Now().AddDate(0, 0, -45).UTC().Format(time.RFC3339), "--reason", "letter 7")
		if code != 0 {
			t.Fatalf("requests open: %s%s", out, errs)
		}
		o.variables["REQUEST"] = firstWord(out)
	}
}

func firstWord(text string) (word string) {
	_, _ = fmt.Sscan(text, &word)
	return word
}

// slowWithdrawals: while people withdraw, another program holds the control store's
// lock for a moment, and the machine stands still for longer than a second.
func slowWithdrawals(t *testing.T, o *operated) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.data, "control", "control.db")+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := range 4 {
		contact := o.contact(t, fmt.Sprintf("user_id:late-%d", n))
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		time.AfterFunc(300*time.Millisecond, func() {
			defer close(over)
			_ = o.cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(1200 * time.Millisecond)
			_ = tx.Rollback()
			_ = o.cmd.Process.Signal(syscall.SIGCONT)
		})
		o.choose(t, contact, false)
		<-over
	}
}

// shortAbsence: ClickHouse is away for longer than 10 seconds, and back before its own
// alert would fire.
func shortAbsence(t *testing.T, o *operated) {
	t.Helper()
	o.units["clickhouse-server"].stop(t)
	l := startLoad(t, host(t, o.public), mix{clients: 1, pause: 20 * time.Millisecond})
	o.sees(t, "ZgodaFreshBudget")
	l.stop()
	o.units["clickhouse-server"].start(t)
}

// shortDisk: the spool's disk has no space for some seconds.
func shortDisk(t *testing.T, o *operated, d disk.Disk) {
	t.Helper()
	l := startLoad(t, host(t, o.public), mix{clients: 4, pause: 5 * time.Millisecond, pad: 2000})
	stepping(o.stack, l).more(t, 100)
	d.Fill(t)
	o.sees(t, "ZgodaAcceptedBudget")
	d.Mend(t)
	stepping(o.stack, l).more(t, 100)
	l.stop()
}

// disklessUntilRestart: the spool's disk has no space, until whoever restarts the
// gateway makes some.
func disklessUntilRestart(t *testing.T, o *operated, d disk.Disk) {
	t.Helper()
	l := startLoad(t, host(t, o.public), mix{clients: 4, pause: 5 * time.Millisecond, pad: 2000})
	stepping(o.stack, l).more(t, 100)
	d.Fill(t)
	u := o.units["zgoda"]
	start := u.start
	u.start = func(t *testing.T) {
		t.Helper()
		d.Mend(t)
		start(t)
	}
	o.units["zgoda"] = u
	eventually(t, 30*time.Second, "a gateway that is not ready", func() bool { return statusOf(o.ops+"/readyz") == http.StatusServiceUnavailable })
	l.stop()
}
