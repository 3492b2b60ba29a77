package apptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// TestBackupRestores: a backup of the running keyholder is tried, the keyholder's
// folder is lost with its key-encryption key, and after the restore the same
// people are the same people.
func TestBackupRestores(t *testing.T) {
	t.Parallel()
	config, secret := controllerSite(t)
	s := up(t, "--config", config)
	people := guessed()[:20]
	visits(t, s, secret, people)
	s.settled(t, 30*time.Second)
	subjects := "SELECT DISTINCT hex(subject) FROM events WHERE scope = 'person' ORDER BY 1"
	before := s.sql(t, subjects)
	if n := strings.Count(before, "\n") + 1; n < len(people) {
		t.Fatalf("%d people", n)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	identity, file := filepath.Join(dir, "identity"), filepath.Join(dir, "keys.age")
	if err := os.WriteFile(identity, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.done(t, "", "keys", "backup", "--data", s.data, "--to", id.Recipient().String(), "--out", file)
	out := s.done(t, "", "keys", "restore-test", "--in", file, "--identity", identity)
	t.Log(strings.TrimSpace(out))
	if want := fmt.Sprintf("restored contacts=%d identifiers=", len(people)); !strings.Contains(out, want) || !strings.Contains(out, "pseudonyms=as-backed-up") {
		t.Errorf("without %q: %s", want, out)
	}
	if log := s.done(t, "", "keys", "log", "show", "--data", s.data); !strings.Contains(log, `"act":"backup"`) {
		t.Error("the log of calls does not have the backup")
	}
	if _, errs, code := s.zgoda(t, "", "keys", "backup", "--data", s.data, "--to", "age1nobody", "--out", file+"2"); code == 0 || !strings.Contains(errs, "recipient") {
		t.Errorf("sealed to nobody: exit %d, %s", code, errs)
	}

	s.stop(t)
	keyholder := filepath.Join(s.data, "keyholder")
	if err := os.RemoveAll(keyholder); err != nil {
		t.Fatal(err)
	}
	restored, err := exec.CommandContext(t.Context(), s.program("zgoda-keyholder"), "restore", "--in", file, "--identity", identity, "--data", keyholder).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, restored)
	}
	s.start(t, "127.0.0.1:0")
	visits(t, s, secret, people)
	s.settled(t, 30*time.Second)
	if after := s.sql(t, subjects); after != before {
		t.Errorf("after the restore the people are others: %d subjects, %d before", strings.Count(after, "\n")+1, strings.Count(before, "\n")+1)
	}
}
