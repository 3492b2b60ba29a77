package apptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/engine/enginetest"
)

// TestKeyholderOverTCP: the gateway, the console and the commands reach a
// keyholder by certificates that `zgoda keys issue` makes. What they did is in
// the keyholder's log of calls, which holds, and in its metrics.
func TestKeyholderOverTCP(t *testing.T) {
	access := enginetest.Start(t)
	data := t.TempDir()
	socket := filepath.Join(data, "private", "keyholder.sock")
	keyholder := background(t, filepath.Join(bin, "zgoda-keyholder"), "--data", filepath.Join(data, "keyholder"), "--socket", socket,
		"--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
	ready := regexp.MustCompile(`ready socket=\S+ listen=(\S+) metrics=(\S+)`)
	eventually(t, 15*time.Second, "the keyholder's ready line", func() bool { return ready.MatchString(keyholder.String()) })
	found := ready.FindStringSubmatch(keyholder.String())

	s := &stack{data: filepath.Join(data, "gateway"), log: &logFile{}}
	admin := filepath.Join(data, "private", "admin.sock")
	certificate := func(role string) string {
		path := filepath.Join(data, role+".pem")
		out, errs, code := s.zgoda(t, "", "keys", "issue", role, "gate-1", "--out", path, "--socket", admin)
		if code != 0 || !strings.Contains(out, role+"/gate-1 until ") {
			t.Fatalf("keys issue: exit %d\n%s%s", code, out, errs)
		}
		return path
	}
	config := filepath.Join(data, "zgoda.yaml")
	certificate("pseudonymise")
	certificate("rights")
	text := fmt.Sprintf("keyholder: {address: %q, certificate: pseudonymise.pem, rights_certificate: rights.pem}\n", found[1])
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.command = []string{
		"serve", "--demo", "--data", s.data, "--config", config,
		"--clickhouse", fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address),
		"--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	if resp, text := post(t, s.public+"/v1/track", `{"userId":"by-certificate","event":"x",`+grantAll+`}`, secretKey); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	s.settled(t, 30*time.Second)
	if rows := s.rows(t, "SELECT count() FROM events WHERE scope='person'"); rows[0][0] != "1" {
		t.Errorf("%s rows", rows[0][0])
	}
	// The console looks for the person in the role rights, and says who acts.
	out, errs, code := s.zgoda(t, "", "contact", "show", "--site", "demo", "--identifier", "user_id:by-certificate", "--data", s.data)
	if code != 0 {
		t.Errorf("contact show: exit %d\n%s%s", code, out, errs)
	}
	s.callsHold(t, data, found[1], admin, certificate("administrator"))
	metrics := get(t, found[2])
	for _, line := range []string{`zgoda_keyholder_calls_total{role="pseudonymise",act="resolve",outcome="done"} `, `zgoda_keyholder_minted_total 1`, `zgoda_keyholder_refused_total{why="role"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s:\n%s", line, metrics)
		}
	}
	if gauges := get(t, s.ops+"/metrics"); !regexp.MustCompile(`zgoda_certificate_expires_seconds\{role="rights"\} 8\d{4}`).MatchString(gauges) {
		t.Error("the gateway does not tell how long its certificate is in force")
	}
}

// callsHold checks the keyholder's log of calls: what it tells, that it holds, and
// who may read it.
func (s *stack) callsHold(t *testing.T, data, address, admin, root string) {
	t.Helper()
	log, errs, code := s.zgoda(t, "", "keys", "log", "show", "--socket", admin)
	if code != 0 || !strings.Contains(log, `"role":"rights","caller":"cert:gate-1","act":"find","outcome":"done","actor":"token:`) || strings.Contains(log, "by-certificate") {
		t.Errorf("the log of calls: exit %d\n%s%s", code, log, errs)
	}
	out, errs, code := s.zgoda(t, "", "keys", "log", "verify", "--keyholder", address, "--certificate", root)
	head := regexp.MustCompile(`(?m)^head (\d+:[0-9a-f]{64})$`).FindStringSubmatch(out)
	if code != 0 || head == nil {
		t.Fatalf("keys log verify: exit %d\n%s%s", code, out, errs)
	}
	if out, errs, code := s.zgoda(t, "", "keys", "log", "verify", "--socket", admin, "--expect", head[1]); code != 0 {
		t.Errorf("the head that was noted: exit %d\n%s%s", code, out, errs)
	}
	if out, _, code := s.zgoda(t, "", "keys", "log", "verify", filepath.Join(data, "keyholder", "calls"), "--expect", "1:"+strings.Repeat("0", 64)); code != 1 {
		t.Errorf("an entry that is not there: exit %d\n%s", code, out)
	}
	// A certificate is for its role alone.
	if out, errs, code := s.zgoda(t, "", "keys", "log", "show", "--keyholder", address, "--certificate", filepath.Join(data, "rights.pem")); code != 1 || !strings.Contains(errs, "another role") {
		t.Errorf("the log by a certificate of rights: exit %d\n%s%s", code, out, errs)
	}
}
