package apptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/pseudonym/kek/kektest"
)

const kekPhrase = "a canary passphrase of some length"

// kekCase is a key-encryption key that zgoda up is to start with.
type kekCase struct {
	uri     string
	config  string             // further lines of the section kek
	helped  bool               // by zgoda-kek
	start   func(s *stack)     // sets what the process needs, before each start
	broken  func(t *testing.T) // takes the key away, while nothing runs
	says    string             // of a start without it
	secrets []string           // that no process prints and no file of the data folder has
}

func kekCases(t *testing.T) map[string]kekCase {
	t.Helper()
	vault, aws, gcp := kektest.NewVault(t), kektest.NewAWS(t), kektest.NewGCP(t)
	hsm, err := kektest.NewSoftHSM(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	away := func(far interface{ Away(*testing.T) func() }) func(*testing.T) {
		return func(t *testing.T) { t.Helper(); far.Away(t) }
	}
	const gone = "the key-encryption key cannot be reached"
	return map[string]kekCase{
		"hcvault": {
			uri: vault.URI("zgoda"), config: "credentials: " + vault.Token + "\n  ca: " + vault.CA + "\n  make: true", helped: true,
			broken: away(vault), says: gone, secrets: []string{kektest.VaultToken},
		},
		"aws-kms": {
			uri: aws.URI("kek"), config: "credentials: " + aws.Credentials + "\n  ca: " + aws.CA + "\n  endpoint: " + aws.Endpoint(), helped: true,
			broken: away(aws), says: gone, secrets: []string{kektest.AWSSecret},
		},
		"gcp-kms": {
			uri: gcp.URI("kek"), config: "credentials: " + gcp.Account + "\n  ca: " + gcp.CA + "\n  endpoint: " + gcp.Address, helped: true,
			broken: away(gcp), says: gone, secrets: []string{gcp.Secret},
		},
		"pkcs11": {
			uri: hsm.URI("kek"), config: "pin_file: " + hsm.PIN + "\n  make: true", helped: true,
			start: func(s *stack) { s.prepare = func(c *exec.Cmd) { c.Env = append(os.Environ(), hsm.Environ()) } },
			broken: func(t *testing.T) {
				t.Helper()
				if err := os.WriteFile(hsm.PIN, []byte("another PIN"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			says: "refuses the act", secrets: []string{kektest.SoftPIN},
		},
	}
}

// TestUpWithEachKey: zgoda up serves with its keys under each provider, knows
// people again after a restart, and does not start without the key.
func TestUpWithEachKey(t *testing.T) {
	t.Parallel()
	cases := kekCases(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kekStack(t, c.uri, c.config)
			if c.start != nil {
				c.start(s)
			}
			s.start(t, "127.0.0.1:0")
			t.Cleanup(func() { s.stop(t) })
			if running := s.child("zgoda-kek") != 0; running != c.helped {
				t.Errorf("zgoda-kek is running: %t", running)
			}
			s.knowsAgain(t, func() {})
			s.stop(t)
			c.broken(t)
			s.refuses(t, c.says)
			s.wrappedUnder(t, c.uri)
			s.tellsNone(t, c.secrets)
		})
	}
}

// kekStack makes a stack with a key-encryption key; it is not started.
func kekStack(t *testing.T, uri, more string) *stack {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "zgoda.yaml")
	text := fmt.Sprintf("kek:\n  uri: %q\n", uri)
	if more != "" {
		text += "  " + more + "\n"
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &stack{data: filepath.Join(dir, "data"), log: &logFile{}, args: []string{"--config", config}}
}

// knowsAgain has a person seen before and after a restart, and counts one.
func (s *stack) knowsAgain(t *testing.T, between func()) {
	t.Helper()
	see := func(id string) {
		eventually(t, 20*time.Second, "the event "+id, func() bool { // 503 while a killed keyholder starts again
			resp, _ := post(t, s.public+"/v1/track", `{"userId":"held","event":"x","messageId":"`+id+`",`+grantAll+`}`, secretKey)
			return resp.StatusCode == 200
		})
		s.settled(t, 30*time.Second)
	}
	see("before")
	s.stop(t)
	between()
	s.start(t, "127.0.0.1:0")
	see("after")
	if rows := s.rows(t, "SELECT count(), uniq(subject) FROM events WHERE scope='person'"); rows[0][0] != "2" || rows[0][1] != "1" {
		t.Errorf("%s rows of %s people, not 2 of 1", rows[0][0], rows[0][1])
	}
}

// refuses starts zgoda up, which must end and say why.
func (s *stack) refuses(t *testing.T, says string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.program("zgoda"), append([]string{
		"up", "--demo", "--data", s.data, "--public", "127.0.0.1:0", "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}, s.args...)...)
	if s.prepare != nil {
		s.prepare(cmd)
	}
	out, err := cmd.CombinedOutput()
	_, _ = s.log.Write(out)
	if err == nil || !strings.Contains(string(out), says) {
		t.Errorf("without its key: %v\n%s", err, tail(string(out), 2000))
	}
}

// wrappedUnder checks which key the keyset folder names.
func (s *stack) wrappedUnder(t *testing.T, uri string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.data, "keyholder", "keys", "wrapping-*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no wrapping key: %v", err)
	}
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(content), `"kek":"`+uri+`"`) {
			t.Errorf("%s does not name %s: %v", path, uri, err)
		}
	}
}

func (s *stack) tellsNone(t *testing.T, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("a process printed %q", secret)
		}
		out, _ := exec.CommandContext(t.Context(), "grep", "-rlaF", secret, s.data).Output()
		if len(out) != 0 {
			t.Errorf("%q is in %s", secret, out)
		}
	}
}

// TestUpWithPassphrase: chosen at the terminal, and given by descriptor after
// that. A keyholder that is killed is started again without asking.
func TestUpWithPassphrase(t *testing.T) {
	t.Parallel()
	s := kekStack(t, "passphrase:", "")
	tty := kektest.NewTTY(t)
	s.prepare = func(c *exec.Cmd) { tty.Attach(t, c, nil, kekPhrase, kekPhrase) }
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	if shown := tty.Shown(); strings.Contains(shown, "canary") || !strings.Contains(shown, "New passphrase") {
		t.Errorf("the terminal shows %q", shown)
	}
	before := s.child("zgoda-keyholder")
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "another keyholder", func() bool {
		now := s.child("zgoda-keyholder")
		return now != 0 && now != before && statusOf(s.ops+"/readyz") == 200
	})
	s.knowsAgain(t, func() { s.args, s.prepare = append(s.args, "--passphrase-fd", "3"), byDescriptor(t, kekPhrase) })
	if s.child("zgoda-kek") != 0 {
		t.Error("zgoda-kek is running for nothing")
	}
	s.stop(t)
	s.prepare = byDescriptor(t, "another passphrase of the kind")
	s.refuses(t, "the passphrase is wrong")
	s.wrappedUnder(t, "passphrase:")
	s.tellsNone(t, []string{kekPhrase, "another passphrase"})
}

// byDescriptor gives a passphrase by descriptor 3.
func byDescriptor(t *testing.T, phrase string) func(*exec.Cmd) {
	t.Helper()
	return func(c *exec.Cmd) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		_, _ = w.WriteString(phrase + "\n")
		_ = w.Close()
		c.ExtraFiles = []*os.File{r}
	}
}
