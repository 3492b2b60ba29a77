package apptest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/pseudonym/kek/kektest"
)

// TestKeyEncryptionKeyChangesUnderLoad: the keys go from a file to a PKCS#11
// token, to a passphrase and back to a file, while events come in. No client
// notices, nothing is lost or doubled, what was left opens nothing any more, and
// people are known again after it.
func TestKeyEncryptionKeyChangesUnderLoad(t *testing.T) {
	t.Parallel()
	hsm, err := kektest.NewSoftHSM(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := kekStack(t, "file:", "")
	s.run(t)
	s.comes(t, "first")
	l := startLoad(t, host(t, s.public), mix{clients: 4, pause: 10 * time.Millisecond})
	eventually(t, time.Minute, "load", func() bool { return l.acked.Load() > 500 })
	folder := filepath.Join(s.data, "keyholder", "kek")

	s.refusesKeys(t, hsm)
	s.holds(t, folder, "kek.key")
	s.wrappedUnder(t, "file:")

	helper := startKEK(t, hsm, filepath.Join(s.data, "run", "kek.sock"))
	s.changesTo(t, l, hsm.URI("kek"), "")
	s.holds(t, folder)
	s.killsKeyholder(t, l)

	s.changesTo(t, l, "passphrase:", kekPhrase)
	s.holds(t, folder, "kek-shred.key", "passphrase.conf")
	if err := helper.Process.Signal(syscall.SIGTERM); err != nil { // it is needed no more
		t.Fatal(err)
	}
	s.changesTo(t, l, "file:", "")
	s.holds(t, folder, "kek.key")

	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	if l.wrong.Load() > 0 {
		t.Errorf("clients were told wrong: %s", l.told())
	}
	s.stop(t)
	s.start(t, "127.0.0.1:0")
	s.comes(t, "last")
	s.settled(t, time.Minute)
	if got := s.sql(t, "SELECT count(), uniq(subject) FROM events WHERE NOT startsWith(message_id, 'load-') AND scope = 'person'"); got != "3\t1" {
		t.Errorf("rows and people: %s", got)
	}
	s.tellsNone(t, []string{kekPhrase, kektest.SoftPIN})
}

// refusesKeys asks for changes to what is no key, or carries a secret.
func (s *stack) refusesKeys(t *testing.T, hsm kektest.SoftHSM) {
	t.Helper()
	for uri, says := range map[string]string{
		"passphrase:": "at least 12 characters", "file:shred": "no key-encryption key", "s3://bucket": "unknown provider",
		hsm.URI("kek") + "&pin-value=" + kektest.SoftPIN: "carries a secret",
	} {
		cmd := exec.CommandContext(t.Context(), s.program("zgoda"), "keys", "rotate", "kek", "--to", uri, "--passphrase-fd", "3", "--data", s.data)
		byDescriptor(t, "too short")(cmd)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), says) || strings.Contains(string(out), kektest.SoftPIN) {
			t.Errorf("changed to %.20s: %v, %s", uri, err, out)
		}
	}
}

// killsKeyholder kills the keyholder, which finds its keys under the changed key
// when it is started again.
func (s *stack) killsKeyholder(t *testing.T, l *load) {
	t.Helper()
	before := s.child("zgoda-keyholder")
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "another keyholder", func() bool {
		now := s.child("zgoda-keyholder")
		return now != 0 && now != before && s.tries(t, "after the kill")
	})
	var busy, acked int64 = -1, 0
	eventually(t, 30*time.Second, "clients that do not notice the kill any more", func() bool {
		if l.busy.Load() != busy {
			busy, acked = l.busy.Load(), l.acked.Load()
		}
		return l.acked.Load() > acked+200
	})
}

// tries sends one event of one person, and says whether it was taken.
func (s *stack) tries(t *testing.T, id string) bool {
	t.Helper()
	body := `{"userId":"held","event":"Changed","messageId":"` + id + `",` + grantAll + `}`
	resp, _ := post(t, s.public+"/v1/track", body, secretKey)
	return resp.StatusCode == http.StatusOK
}

func (s *stack) comes(t *testing.T, id string) {
	t.Helper()
	if !s.tries(t, id) {
		t.Fatalf("event %q was not taken", id)
	}
}

// startKEK starts the helper for the token beside a running system, as an
// operator does before a change.
func startKEK(t *testing.T, hsm kektest.SoftHSM, socket string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "zgoda-kek"), "--socket", socket, "--provider", hsm.URI("kek"), "--pin-file", hsm.PIN, "--make")
	cmd.Env = append(os.Environ(), hsm.Environ())
	log := &logFile{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	eventually(t, 20*time.Second, "zgoda-kek's ready line", func() bool { return strings.Contains(log.String(), "ready socket=") })
	return cmd
}

// changesTo changes the key-encryption key while clients send, of whom none may
// notice.
func (s *stack) changesTo(t *testing.T, l *load, uri, phrase string) {
	t.Helper()
	busy, silent, acked := l.busy.Load(), l.silent.Load(), l.acked.Load()
	args := []string{"keys", "rotate", "kek", "--to", uri, "--data", s.data}
	if phrase != "" {
		args = append(args, "--passphrase-fd", "3")
	}
	cmd := exec.CommandContext(t.Context(), s.program("zgoda"), args...)
	if phrase != "" {
		byDescriptor(t, phrase)(cmd)
	}
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		t.Fatalf("keys rotate kek --to %s: %v\n%s", uri, err, out)
	}
	s.wrappedUnder(t, uri)
	if status, errs, code := s.zgoda(t, "", "keys", "status", "--data", s.data); code != 0 || !strings.Contains(status, "key-encryption key  "+uri+"\n") {
		t.Errorf("keys status: exit %d\n%s%s", code, status, errs)
	}
	eventually(t, time.Minute, "load after the change", func() bool { return l.acked.Load() > acked+200 })
	if l.busy.Load() > busy || l.silent.Load() > silent {
		t.Errorf("clients noticed the change to %s: %s", uri, l.told())
	}
	t.Logf("key-encryption key changed to %.20s in %s, %d events acknowledged meanwhile and just after", uri, took.Round(10*time.Millisecond), l.acked.Load()-acked)
}

// holds checks which files are in a folder.
func (s *stack) holds(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	if strings.Join(found, " ") != strings.Join(names, " ") {
		t.Errorf("%s has %v, not %v", folder, found, names)
	}
}
