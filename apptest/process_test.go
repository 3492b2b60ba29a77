package apptest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/engine/enginetest"
)

// TestChildrenEndWithTheirParent: however `zgoda up` ends, keyholder and engine
// do not stay behind.
func TestChildrenEndWithTheirParent(t *testing.T) {
	for _, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(how.String(), func(t *testing.T) {
			s := up(t)
			children := []int{s.child("zgoda-keyholder"), s.child("zgoda-clickhouse")}
			if children[0] == 0 || children[1] == 0 {
				t.Fatalf("children: %v", children)
			}
			_ = s.cmd.Process.Signal(how)
			<-s.ended
			for _, pid := range children {
				eventually(t, 15*time.Second, "the end of a child", func() bool { return !alive(pid) })
			}
			if _, err := os.Stat(filepath.Join(s.data, "run", "console.json")); how != syscall.SIGKILL && err == nil {
				t.Error("console.json was left behind")
			}
		})
	}
}

// TestCommandsSayWhatIsWrong: what cannot work ends with exit code 1 or 2 and
// words that say what to do.
func TestCommandsSayWhatIsWrong(t *testing.T) {
	s := up(t)
	for _, c := range []struct {
		name  string
		args  []string
		code  int
		words string
	}{
		{"nothing runs", []string{"sql", "--data", t.TempDir(), "SELECT 1"}, 1, "not running"},
		{"the folder is in use", []string{"up", "--demo", "--data", s.data, "--public", "127.0.0.1:0", "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0"}, 1, "in use"},
		{"the port is taken", []string{"up", "--demo", "--data", t.TempDir(), "--public", host(t, s.public), "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0"}, 1, "address already in use"},
		{"no site", []string{"up", "--data", t.TempDir()}, 1, "--demo"},
		{"unknown flag", []string{"up", "--nonsense"}, 2, "--nonsense"},
		{"unknown command", []string{"nonsense"}, 2, "nonsense"},
		{"unknown site", []string{"contact", "show", "--data", s.data, "--site", "other", "--identifier", "user_id:u"}, 1, "site"},
		{"no identifier", []string{"contact", "show", "--data", s.data, "--site", "demo", "--identifier", "u"}, 2, "KIND:VALUE"},
		{"wrong SQL", []string{"sql", "--data", s.data, "SELEC 1"}, 1, "Syntax error: failed at position 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := s.zgoda(t, "", c.args...)
			if code != c.code || !strings.Contains(out+errs, c.words) {
				t.Errorf("exit %d, want %d with %q:\n%s%s", code, c.code, c.words, out, errs)
			}
		})
	}
	if statusOf(s.ops+"/readyz") != http.StatusOK {
		t.Error("the running system was disturbed")
	}
}

// TestServe: the gateway against a keyholder and a ClickHouse that others run.
func TestServe(t *testing.T) {
	access := enginetest.Start(t)
	data := t.TempDir()
	socket := filepath.Join(data, "private", "keyholder.sock")
	keyholder := background(t, filepath.Join(bin, "zgoda-keyholder"), "--data", filepath.Join(data, "keyholder"), "--socket", socket)
	eventually(t, 15*time.Second, "the keyholder's ready line", func() bool { return strings.Contains(keyholder.String(), "ready ") })

	s := &stack{data: filepath.Join(data, "gateway"), log: &logFile{}}
	s.command = []string{
		"serve", "--demo", "--data", s.data, "--keyholder", socket,
		"--clickhouse", fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address),
		"--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	if resp, text := post(t, s.public+"/v1/track", `{"userId":"served","event":"x",`+grantAll+`}`, secretKey); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	s.settled(t, 30*time.Second)
	if rows := s.rows(t, "SELECT count() FROM events WHERE scope='person'"); rows[0][0] != "1" {
		t.Errorf("%s rows", rows[0][0])
	}
}

// background runs a program until the test ends and returns what it prints.
func background(t *testing.T, program string, args ...string) *logFile {
	t.Helper()
	log := &logFile{}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return log
}

// TestDataFolderMayBeRelative: the default is the folder data beside where the
// command is typed.
func TestDataFolderMayBeRelative(t *testing.T) {
	s := &stack{data: "data", dir: t.TempDir(), log: &logFile{}}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	post(t, s.public+"/v1/track", `{"userId":"u","event":"x"}`, secretKey)
	s.settled(t, 30*time.Second)
	if rows := s.rows(t, "SELECT count() FROM events"); rows[0][0] != "1" {
		t.Errorf("%s rows", rows[0][0])
	}
}

// TestAFirstStartComplainsOfNoSchema: nothing looks into tables that are yet to be made.
func TestAFirstStartComplainsOfNoSchema(t *testing.T) {
	s := up(t)
	eventually(t, 30*time.Second, "the table of who is hidden", func() bool { return s.metrics(t)["zgoda_hidden_refills_total"] > 0 })
	if log := s.log.String(); strings.Contains(log, "the schema is not that of this zgoda") {
		t.Errorf("the log:\n%s", tail(log, 2000))
	}
}

// TestSQLOnlyReads: zgoda sql changes nothing, whoever asks.
func TestSQLOnlyReads(t *testing.T) {
	s := up(t)
	post(t, s.public+"/v1/track", `{"userId":"u","event":"x"}`, secretKey)
	s.settled(t, 30*time.Second)
	for _, statement := range []string{
		"DROP TABLE events", "TRUNCATE TABLE events", "ALTER TABLE events DELETE WHERE 1", "INSERT INTO events (site) VALUES ('x')",
		"CREATE TABLE mine (a UInt8) ENGINE = Memory", "SELECT 1 SETTINGS readonly = 0", "SET readonly = 0",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')", "SYSTEM SHUTDOWN",
	} {
		if out, errs, code := s.zgoda(t, "", "sql", "--data", s.data, statement); code != 1 || errs == "" {
			t.Errorf("%s: exit %d, %q %q", statement, code, out, errs)
		}
	}
	if rows := s.rows(t, "SELECT count() FROM events"); rows[0][0] != "1" {
		t.Errorf("%s rows", rows[0][0])
	}
}

// TestTokens: a token made by the command opens the API, and no longer once it
// is revoked.
func TestTokens(t *testing.T) {
	s := up(t)
	token, errs, code := s.zgoda(t, "", "token", "create", "--data", s.data, "--role", "administrator")
	if code != 0 || len(strings.Fields(token)) != 1 {
		t.Fatalf("token create printed %d words, exit %d: %s", len(strings.Fields(token)), code, errs)
	}
	headers := map[string]string{"Authorization": "Bearer " + strings.TrimSpace(token), "Content-Type": "application/json"}
	find := s.console + "/api/v1/sites/demo/contacts:find"
	if resp, text := post(t, find, `{"identifier":"user_id:nobody"}`, headers); resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		t.Errorf("with a token: %d %s", resp.StatusCode, text)
	}
	for name, bad := range map[string]string{"none": "", "made up": "Bearer zgo_nonsense", "of another scheme": "Basic " + strings.TrimSpace(token)} {
		if resp, _ := post(t, find, `{"identifier":"user_id:nobody"}`, map[string]string{"Authorization": bad, "Content-Type": "application/json"}); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a token %s: %d", name, resp.StatusCode)
		}
	}
	var stored bytes.Buffer
	for _, name := range []string{"control.db", "control.db-wal"} {
		text, _ := os.ReadFile(filepath.Join(s.data, "control", name))
		stored.Write(text)
	}
	if bytes.Contains(stored.Bytes(), []byte(strings.TrimSpace(token))) {
		t.Error("the token is kept in clear")
	}
}
