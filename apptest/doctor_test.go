package apptest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/doctor"
)

// sick is a stack, a person of which nothing may be told.
type sick struct {
	*stack
	config string
}

const sickPerson = "doctor.patient@example.org"

// look runs zgoda doctor and returns its report and exit code. Nothing that it prints
// names anybody.
func (s *sick) look(t *testing.T, more ...string) (r doctor.Report, code int) {
	t.Helper()
	out, errs, code := s.zgoda(t, "", append([]string{"doctor", "--config", s.config, "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	if strings.Contains(out+errs, "patient") {
		t.Errorf("the report names somebody: %s%s", out, errs)
	}
	if r.Healthy != (code == 0) {
		t.Errorf("healthy %v, exit %d", r.Healthy, code)
	}
	return r, code
}

// finds waits until a check has a finding of a level with these words.
func (s *sick) finds(t *testing.T, within time.Duration, check string, level doctor.Level, what string) {
	t.Helper()
	var last doctor.Report
	poll(t, time.Second, within, fmt.Sprintf("doctor finds %s %s: %s", level, check, what), func() bool {
		var code int
		last, code = s.look(t)
		return slices.ContainsFunc(last.Findings, func(f doctor.Finding) bool {
			return f.Check == check && f.Level == level && strings.Contains(f.What, what) && (level != doctor.Problem || code == doctor.CodeProblem && f.Why != "" && f.Do != "")
		})
	})
}

// well waits until nothing is wrong.
func (s *sick) well(t *testing.T, within time.Duration) {
	t.Helper()
	poll(t, time.Second, within, "doctor finds nothing wrong", func() bool {
		r, code := s.look(t)
		for _, f := range r.Findings {
			if f.Level == doctor.Skipped || f.Level == doctor.Warning && f.Check != "files" && f.Check != "disk" {
				return false
			}
		}
		return code == doctor.CodeHealthy && len(r.Findings) >= len(doctor.Names())
	})
}

// TestDoctor: on a system that is well zgoda doctor finds nothing, and in each broken
// state what is broken.
func TestDoctor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := &sick{stack: &stack{data: filepath.Join(folder, "data"), log: &logFile{}, args: []string{"--config", filepath.Join(folder, "zgoda.yaml")}}, config: filepath.Join(folder, "zgoda.yaml")}
	secret := filepath.Join(folder, "shop.secret")
	for path, text := range map[string]string{secret: "what the shop's server knows", s.config: doctorSite} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t)
	body := fmt.Sprintf(`{"userId":%q,"traits":{"email":%q},"event":"Order","context":{"consent":{"categoryPreferences":{"profiling":true}}}}`, sickPerson, sickPerson)
	if resp, text := post(t, s.public+"/v1/track", body, map[string]string{"Authorization": "Bearer what the shop's server knows"}); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if _, errs, code := s.zgoda(t, "", "contact", "profiling", "off", "--site", "shop", "--identifier", "email:"+sickPerson, "--reason", "asked"); code != 0 {
		t.Fatal(errs)
	}
	s.settled(t, 30*time.Second)
	s.well(t, time.Minute)
	t.Run("others can read a secret", func(t *testing.T) { s.opened(t, secret) })
	t.Run("places that nobody lists", func(t *testing.T) { s.strangers(t) })
	t.Run("the keyholder hangs", func(t *testing.T) { s.hangs(t, "zgoda-keyholder", "process", "the keyholder has not answered") })
	t.Run("ClickHouse hangs", func(t *testing.T) { s.hangs(t, "zgoda-clickhouse", "clickhouse", "ClickHouse has not answered") })
	t.Run("an overdue request", func(t *testing.T) { s.late(t) })
	t.Run("an altered ledger", func(t *testing.T) { s.altered(t) })
	s.stop(t)
	t.Run("nothing runs", func(t *testing.T) {
		s.finds(t, 10*time.Second, "process", doctor.Problem, "nothing runs")
		if r, code := s.look(t, "--offline"); code != doctor.CodeHealthy || slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return f.Level == doctor.Failed }) {
			t.Errorf("offline: exit %d, %+v", code, r.Findings)
		}
	})
}

const doctorSite = `
sites:
  - id: shop
    keys: {secret_file: shop.secret}
    controller: {name: Shop s.r.o., establishment: SK}
    traits: {keep: all}
    purposes: [{id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}]
ledger: {checkpoint_entries: 1}
`

// opened lets others read the site's secret: the file is found, and so is that the
// configuration cannot be used any more.
func (s *sick) opened(t *testing.T, secret string) {
	t.Helper()
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	s.finds(t, 10*time.Second, "files", doctor.Problem, "shop.secret has mode 0644")
	s.finds(t, 10*time.Second, "configuration", doctor.Problem, "secret file must be")
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s.well(t, 10*time.Second)
}

// strangers puts a file, a table of the control store and a table of ClickHouse where no
// erasure goes.
func (s *sick) strangers(t *testing.T) {
	t.Helper()
	dump := filepath.Join(s.data, "people.csv")
	if err := os.WriteFile(dump, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.control(t, "CREATE TABLE people_copy (subject BLOB)")
	s.finds(t, 10*time.Second, "tables", doctor.Problem, "people.csv")
	s.finds(t, 10*time.Second, "tables", doctor.Problem, "in the control store, and in no list of what is kept: people_copy")
	s.control(t, "DROP TABLE people_copy")
	if err := os.Remove(dump); err != nil {
		t.Fatal(err)
	}
	s.well(t, 10*time.Second)
}

// control changes the control store behind the gateway's back.
func (s *sick) control(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "control", "control.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// late opens a request that has been waiting since long ago.
func (s *sick) late(t *testing.T) {
	t.Helper()
	s.overdue(t, "shop", "email:"+sickPerson)
	s.finds(t, time.Minute, "requests", doctor.Problem, "1 requests of rectification are past their deadline")
}

// hangs stops a process for as long as it takes to be found.
func (s *sick) hangs(t *testing.T, program, check, what string) {
	t.Helper()
	pid := s.child(program)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	s.finds(t, time.Minute, check, doctor.Problem, what)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.well(t, time.Minute)
}

// altered changes an entry behind the last checkpoint, as nobody may.
func (s *sick) altered(t *testing.T) {
	t.Helper()
	s.control(t, "UPDATE ledger SET hash = zeroblob(32) WHERE number = (SELECT max(number) FROM ledger)")
	s.finds(t, 10*time.Second, "ledger", doctor.Problem, "the ledger was altered")
}
