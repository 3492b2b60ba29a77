package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/doctor"
	"zgoda/pseudonym"
)

// TestBroken: each broken state is one finding of the right check, with why and what
// to do, and no other check has a problem of it.
func TestBroken(t *testing.T) {
	t.Parallel()
	const warning, problem, failed = doctor.Warning, doctor.Problem, doctor.Failed
	for _, c := range []struct {
		check string
		level doctor.Level
		what  string
		do    func(*testing.T, *world)
	}{
		{"configuration", problem, "sites[0].id: is missing", func(_ *testing.T, w *world) { w.wrong = errors.New("sites[0].id: is missing") }},
		{"files", problem, "control: 1 files", func(t *testing.T, w *world) { t.Helper(); w.file(t, "control/control.db", 0o640) }},
		{"files", problem, "may be used by others than its owner", func(t *testing.T, w *world) {
			t.Helper()
			if err := os.Chmod(w.data, 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{"files", problem, "has mode 0644", func(t *testing.T, w *world) { t.Helper(); w.secret(t, "site.secret", 0o644) }},
		{"files", problem, "cannot be read", func(_ *testing.T, w *world) { w.settings.Secrets = []string{w.data + "/../none"} }},
		{"files", warning, "key-encryption key", func(_ *testing.T, w *world) { w.settings.LocalKEK = true }},
		{"process", problem, "not ready: the spool is full", metric("zgoda_ready", "0")},
		{"process", problem, "erasures after a backup", metric("zgoda_restore_gate", "1")},
		{"process", problem, "clickhouse is not up", metric(`zgoda_child_up{child="clickhouse"}`, "0")},
		{"process", warning, "started again 4 times", metric(`zgoda_child_restarts_total{child="keyholder"}`, "4")},
		{"process", warning, "gateway that runs is v0", func(_ *testing.T, w *world) {
			delete(w.metrics, `zgoda_build_info{goversion="go",version="v1"}`)
			w.metrics[`zgoda_build_info{version="v0"}`] = "1"
		}},
		{"process", warning, "keyholder that runs is v0", key(`zgoda_keyholder_build_info{version="v0"}`, "1")},
		{"process", problem, "keyholder has not answered for 12s", metric("zgoda_keyholder_away_seconds", "12")},
		{"process", problem, "control store has not answered", metric("zgoda_control_away_seconds", "12")},
		{"process", warning, "1 requests failed by a fault of the program", metric("zgoda_gateway_panics_total", "1")},
		{"process", warning, "2 calls of the keyholder failed by a fault of the program", key("zgoda_keyholder_panics_total", "2")},
		{"process", problem, "3 events were taken, have no fate and are nowhere", func(_ *testing.T, w *world) {
			w.metrics["zgoda_events_in_flight"], w.metrics["zgoda_events_in_hand"] = "16", "6"
			w.metrics["zgoda_spool_waiting_records"], w.metrics["zgoda_later_waiting_records"] = "5", "2"
		}},
		{"process", problem, "2 events in the spool have a fate already", func(_ *testing.T, w *world) {
			w.metrics["zgoda_events_in_flight"], w.metrics["zgoda_spool_waiting_records"] = "5", "7"
		}},
		{"keys", problem, "last sealed anew 48h", func(_ *testing.T, w *world) { w.holder.status.Rewrapped = time.Now().Add(-48 * time.Hour) }},
		{"keys", warning, "gate has been in use for 900 days", func(_ *testing.T, w *world) { w.holder.status.Keys[0].Made = time.Now().Add(-900 * 24 * time.Hour) }},
		{"keys", warning, "rotation of gate has been under way for 30h", func(_ *testing.T, w *world) {
			w.holder.status.Keys[0].Made = time.Now().Add(-30 * time.Hour)
			w.holder.status.UnderWay = []pseudonym.Progress{{Key: "gate", Step: "re-blinds"}}
		}},
		{"keys", problem, "not reached", key("zgoda_keyholder_kek_unreached", "1")},
		{"keys", warning, "no key of this day", metric("zgoda_daily_key_held", "0")},
		{"keys", warning, "2 reveals above the limit wait", func(_ *testing.T, w *world) { w.waiting = 2 }},
		{"keys", failed, "no answer in time", func(_ *testing.T, w *world) { w.holder.away = context.DeadlineExceeded }},
		{"certificates", problem, "ends in 1h", func(_ *testing.T, w *world) {
			w.metrics[`zgoda_certificate_expires_seconds{role="rights"}`] = "3600"
			w.metrics[`zgoda_certificate_life_seconds{role="rights"}`] = "86400"
		}},
		{"certificates", problem, "is over since", func(t *testing.T, w *world) { t.Helper(); w.certificate(t, -time.Hour) }},
		{"certificates", warning, "should have been renewed", func(t *testing.T, w *world) { t.Helper(); w.certificate(t, 8*time.Hour) }},
		{"certificates", problem, "holds no certificate", func(t *testing.T, w *world) {
			t.Helper()
			w.file(t, "control/pem", 0o600)
			w.settings.Certificates = []string{w.data + "/control/pem"}
		}},
		{"clocks", warning, "clickhouse, against the gateway's, is off by -5.0", metric(`zgoda_clock_skew_seconds{peer="clickhouse"}`, "-5")},
		{"clocks", problem, "is off by 60.0", metric(`zgoda_clock_skew_seconds{peer="clickhouse"}`, "60")},
		{"clocks", problem, "the gateway, against this machine's, is off by", func(_ *testing.T, w *world) { w.ahead = time.Minute }},
		{"clocks", warning, "the gateway, against this machine's, is off by -", func(_ *testing.T, w *world) { w.ahead = -10 * time.Second }},
		{"clocks", warning, "control, against the gateway's, is off by 3.0", metric(`zgoda_clock_skew_seconds{peer="control"}`, "3")},
		{"clocks", problem, "keyholder, against the gateway's, is off by -90.0", metric(`zgoda_clock_skew_seconds{peer="keyholder"}`, "-90")},
		{"clocks", warning, "replica_1, against the gateway's, is off by 4.0", metric(`zgoda_clock_skew_seconds{peer="replica_1"}`, "4")},
		{"disk", problem, "folder spool has 100.0 MiB free of 10.0 GiB", disk("spool", 100<<20, 10<<30)},
		{"disk", warning, "folder control has 4.0 GiB free of 100.0 GiB", disk("control", 4<<30, 100<<30)},
		{"spool", warning, "the spool is 60 % full", metric("zgoda_spool_bytes", "6e9")},
		{"spool", problem, "the spool is 95 % full", metric("zgoda_spool_bytes", "9.5e9")},
		{"spool", problem, "refuses what is written", metric("zgoda_spool_failing", "1")},
		{"spool", problem, "has not answered for 9s", metric("zgoda_spool_disk_wait_seconds", "9")},
		{"spool", warning, "set aside as damaged", func(t *testing.T, w *world) { t.Helper(); w.file(t, "spool/3.damaged", 0o600) }},
		{"lag", problem, "takes no rows: schema", metric(`zgoda_writer_stalled{why="schema"}`, "1")},
		{"lag", warning, "has waited for 5m0s", metric("zgoda_spool_oldest_seconds", "300")},
		{"lag", problem, "has waited for 1h0m0s", metric("zgoda_spool_oldest_seconds", "3600")},
		{"lag", problem, "waited for the keyholder", metric("zgoda_later_oldest_seconds", "1000")},
		{"disk", problem, "the disk of ClickHouse's replica_1 has 1.0 MiB free of 10.0 GiB", func(_ *testing.T, w *world) {
			w.metrics[`zgoda_clickhouse_disk_free_bytes{server="first"}`], w.metrics[`zgoda_clickhouse_disk_size_bytes{server="first"}`] = "9e9", "1e10"
			w.metrics[`zgoda_clickhouse_disk_free_bytes{server="replica_1"}`], w.metrics[`zgoda_clickhouse_disk_size_bytes{server="replica_1"}`] = "1048576", "10737418240"
		}},
		{"clickhouse", problem, "ClickHouse has not answered for 20s", metric(`zgoda_clickhouse_away_seconds{server="first"}`, "20")},
		{"clickhouse", problem, "ClickHouse's replica_2 has not answered for 20s", metric(`zgoda_clickhouse_away_seconds{server="replica_2"}`, "20")},
		{"clickhouse", doctor.Skipped, "disk of ClickHouse's replica_2 are not told", metric(`zgoda_clickhouse_away_seconds{server="replica_2"}`, "2")},
		{"clickhouse", warning, "ClickHouse has 50 % of the parts", metric(`zgoda_clickhouse_parts{server="first",table="events"}`, "1500")},
		{"clickhouse", problem, "ClickHouse has 90 % of the parts", metric(`zgoda_clickhouse_parts{server="first",table="events"}`, "2700")},
		{"clickhouse", warning, "replica_1 has 50 % of the parts", func(_ *testing.T, w *world) {
			w.metrics[`zgoda_clickhouse_parts_limit{server="replica_1"}`], w.metrics[`zgoda_clickhouse_parts{server="replica_1",table="events"}`] = "300", "150"
		}},
		{"clickhouse", problem, "2 mutations of the table events of ClickHouse fail", metric(`zgoda_clickhouse_mutations_failed{server="first",table="events"}`, "2")},
		{"clickhouse", warning, "a mutation of ClickHouse's replica_1 has not been done for 2h", metric(`zgoda_clickhouse_mutation_oldest_seconds{server="replica_1"}`, "7200")},
		{"clickhouse", problem, "something of replicas", past("replicas")},
		{"tables", problem, "in no list of what is kept: dump.csv, journal/old", func(t *testing.T, w *world) {
			t.Helper()
			w.file(t, "dump.csv", 0o600)
			w.file(t, "journal/old", 0o600)
		}},
		{"tables", problem, "copy_of_events", inner("tables", problem, "copy_of_events")},
		{"tables", failed, "could not be asked", func(_ *testing.T, w *world) { w.asked = errors.New("refused") }},
		{"retention", problem, "something of rows", past("rows")},
		{"retention", problem, "something of run", past("run")},
		{"retention", warning, "something of run", func(t *testing.T, w *world) {
			t.Helper()
			past("run")(t, w)
			w.metrics["process_start_time_seconds"] = fmt.Sprint(time.Now().Add(-time.Minute).Unix())
		}},
		{"retention", warning, "something of contacts", past("contacts")},
		{"retention", failed, "did not answer", inner("retention", failed, "did not answer")},
		{"requests", problem, "3 requests of access are past", metric(`zgoda_requests_overdue{right="access"}`, "3")},
		{"requests", warning, "due in 2.5 days", metric(`zgoda_requests_deadline_days{right="access"}`, "2.5")},
		{"requests", warning, "1 requests of erasure have failed", metric(`zgoda_requests{right="erasure",state="failed"}`, "1")},
		{"requests", problem, "1 erasures have not taken", metric("zgoda_erasure_late", "1")},
		{"ledger", problem, "the ledger was altered", inner("ledger", problem, "the ledger was altered")},
		{"ledger", warning, "anchor log has not the last", func(_ *testing.T, w *world) {
			w.metrics[`zgoda_ledger_anchored_number{anchor="log"}`] = "5"
			w.metrics[`zgoda_ledger_anchor_failures_total{anchor="log"}`] = "2"
		}},
		{"audit", problem, "does not hold: entry 3", func(_ *testing.T, w *world) { w.holder.err = errLog }},
		{"audit", problem, "got shorter", func(_ *testing.T, w *world) { w.holder.seals.Last = 4 }},
		{"audit", problem, "1 drafts of incidents", key(`zgoda_keyholder_incident_drafts_total{kind="guesses"}`, "1")},
		{"audit", warning, "9 calls were refused since the keyholder's start: peer", key(`zgoda_keyholder_refused_total{why="peer"}`, "9")},
	} {
		t.Run(c.check+"/"+c.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.do(t, w)
			seen := false
			for _, f := range disks(w.look(t).Findings) {
				switch {
				case f.Check == c.check && f.Level == c.level && strings.Contains(f.What, c.what):
					seen = true
					if f.Level != failed && f.Level != doctor.Skipped && (f.Why == "" || f.Do == "") {
						t.Errorf("says not why, or not what to do: %+v", f)
					}
				case f.Check != c.check && f.Level == doctor.Problem:
					t.Errorf("another check has a problem: %+v", f)
				case f.Check == c.check && f.Level == doctor.OK && c.check != "ledger" && c.check != "audit":
					t.Errorf("all is well as well: %+v", f)
				}
			}
			if !seen {
				t.Errorf("not found in %+v", w.look(t).Findings)
			}
		})
	}
}

func inner(check string, level doctor.Level, what string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) {
		w.answer.Findings = []doctor.Finding{{Check: check, Level: level, What: what, Why: "w", Do: "d"}}
	}
}

func disk(folder string, free, size float64) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) {
		w.metrics[`zgoda_disk_free_bytes{folder="`+folder+`"}`] = big.NewFloat(free).String()
		w.metrics[`zgoda_disk_size_bytes{folder="`+folder+`"}`] = big.NewFloat(size).String()
	}
}

// secret is a file that the configuration names.
func (w *world) secret(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(filepath.Dir(w.data), name)
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	w.settings.Secrets = append(w.settings.Secrets, path)
}

// certificate is one of a day that ends after left.
func (w *world) certificate(t *testing.T, left time.Duration) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(left)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-24 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(w.data), "rights.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.settings.Certificates = append(w.settings.Certificates, path)
}
