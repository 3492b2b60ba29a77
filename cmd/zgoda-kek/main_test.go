package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
)

// asMain tells this test binary to be zgoda-kek itself.
const asMain = "ZGODA_TEST_AS_KEK"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// child is a zgoda-kek in a process of its own.
type child struct {
	*exec.Cmd

	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func command(t *testing.T, env []string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(self, args...)}
	c.Env = append(append(os.Environ(), asMain+"=1"), env...)
	c.Stderr = &c.stderr
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// serving starts one and waits for its ready line.
func serving(t *testing.T, env []string, socket string, args ...string) *child {
	t.Helper()
	c := command(t, env, append([]string{"--socket", socket, "--parent-stdin"}, args...)...)
	line, err := c.stdout.ReadString('\n')
	if err != nil || line != "ready socket="+socket+"\n" {
		_ = c.Process.Kill()
		_ = c.Wait()
		t.Fatalf("said %q, %v; %s", line, err, c.stderr.String())
	}
	return c
}

func (c *child) end(t *testing.T) (code int, stderr string) {
	t.Helper()
	late := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, c.stdout)
	_ = c.Wait()
	return c.ProcessState.ExitCode(), c.stderr.String()
}

func socketDir(t *testing.T) string {
	t.Helper()
	run, err := os.MkdirTemp("", "kek") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	return run
}

// served is a provider behind zgoda-kek.
type served struct {
	uri, other string
	env, args  []string
	renews     bool
	secrets    []string
}

func providers(t *testing.T) map[string]served {
	t.Helper()
	vault, aws, gcp := kektest.NewVault(t), kektest.NewAWS(t), kektest.NewGCP(t)
	hsm, err := kektest.NewSoftHSM(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]served{
		"hcvault": {
			uri: vault.URI("kek"), other: vault.URI("other"), renews: true, secrets: []string{kektest.VaultToken},
			args: []string{"--credentials", vault.Token, "--ca", vault.CA, "--make"},
		},
		"aws-kms": {
			uri: aws.URI("kek"), other: aws.URI("other"), secrets: []string{kektest.AWSSecret},
			args: []string{"--credentials", aws.Credentials, "--ca", aws.CA, "--endpoint", aws.Endpoint()},
		},
		"gcp-kms": {
			uri: gcp.URI("kek"), other: gcp.URI("other"), secrets: []string{gcp.Secret},
			args: []string{"--credentials", gcp.Account, "--ca", gcp.CA, "--endpoint", gcp.Address},
		},
		"pkcs11": {
			uri: hsm.URI("kek"), other: hsm.URI("other"), renews: true, secrets: []string{kektest.SoftPIN},
			args: []string{"--pin-file", hsm.PIN, "--make"}, env: []string{hsm.Environ()},
		},
	}
}

// TestContract: the suite that each provider passes, with a keyholder's client
// on the one side of the socket and the provider on the other. Two helpers
// serve two keys at one socket and the one beside it. What is away is the helper.
func TestContract(t *testing.T) {
	for name, p := range providers(t) {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(socketDir(t), "s")
			first := serving(t, p.env, socket, append(p.args, "--provider", p.uri)...)
			second := serving(t, p.env, socket+kek.NextSuffix, append(p.args, "--provider", p.other)...)
			open := func(uri string) func(t *testing.T) kek.Provider {
				return func(t *testing.T) kek.Provider {
					t.Helper()
					k, err := kek.Open(t.Context(), kek.Config{URI: uri, Socket: socket})
					if err != nil {
						t.Fatal(err)
					}
					return k
				}
			}
			kektest.Contract(t, kektest.Case{Open: open(p.uri), Other: open(p.other), Renews: p.renews, Secrets: p.secrets})
			for _, c := range []*child{first, second} {
				_ = c.stdin.Close()
				if code, said := c.end(t); code != exitDone || strings.Contains(said, "canary") {
					t.Errorf("exit %d, said %s", code, said)
				}
			}
		})
	}
}

// A helper that is away for a moment is waited for; one that stays away is told.
func TestHelperAway(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make"}
	first := serving(t, nil, socket, args...)
	k, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("kek"), Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	wrapped, err := k.Wrap(t.Context(), []byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Process.Kill(); err != nil { // its socket stays behind
		t.Fatal(err)
	}
	first.end(t)
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := k.Unwrap(soon, wrapped, nil); !errors.Is(err, kek.ErrAway) {
		t.Errorf("away: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := k.Unwrap(t.Context(), wrapped, nil)
		answered <- err
	}()
	serving(t, nil, socket, args...)
	if err := <-answered; err != nil {
		t.Errorf("back: %v", err)
	}
	if _, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("another"), Socket: socket}); !errors.Is(err, kek.ErrOther) {
		t.Errorf("another key: %v", err)
	}
}

// The other end must be one of the users that were named.
func TestAnotherUser(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make", "--uid", "4242"}
	serving(t, nil, socket, args...)
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := kek.Open(soon, kek.Config{URI: vault.URI("kek"), Socket: socket}); !errors.Is(err, kek.ErrAway) {
		t.Errorf("a caller of another user: %v", err)
	}
	if _, err := kek.Open(soon, kek.Config{URI: vault.URI("kek"), Socket: socket, HelperUIDs: []uint32{4242}}); !errors.Is(err, kek.ErrAway) {
		t.Errorf("a helper of another user: %v", err)
	}
}

func TestEndings(t *testing.T) {
	vault := kektest.NewVault(t)
	for name, end := range map[string]func(c *child) error{
		"its parent's end": func(c *child) error { return c.stdin.Close() },
		"SIGTERM":          func(c *child) error { return c.Process.Signal(syscall.SIGTERM) },
		"SIGINT":           func(c *child) error { return c.Process.Signal(os.Interrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(socketDir(t), "s")
			c := serving(t, nil, socket, "--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make")
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if code, said := c.end(t); code != exitDone {
				t.Errorf("exit %d: %s", code, said)
			}
			if _, err := os.Stat(socket); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	vault := kektest.NewVault(t)
	dir := socketDir(t)
	socket := filepath.Join(dir, "s")
	loose, wrong := filepath.Join(dir, "loose"), filepath.Join(dir, "wrong")
	for path, mode := range map[string]os.FileMode{loose: 0o644, wrong: 0o600} {
		if err := errors.Join(os.WriteFile(path, []byte("hvs.canary\n"), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	with := func(args ...string) []string {
		return append([]string{"--socket", socket, "--provider", vault.URI("kek"), "--ca", vault.CA}, args...)
	}
	tests := map[string]struct {
		env, args []string
		code      int
		says      string
	}{
		"no flags":            {nil, nil, exitUsage, "--provider"},
		"unknown flag":        {nil, with("--token", "x"), exitUsage, "--token"},
		"help":                {nil, []string{"--help"}, exitDone, ""},
		"a key of a file":     {nil, []string{"--socket", socket, "--provider", "file:"}, exitFailed, "keyholder's own"},
		"a PIN in the URI":    {nil, []string{"--socket", socket, "--provider", "pkcs11:token=a;object=b?module-path=/m.so&pin-value=canary"}, exitFailed, "carries a secret"},
		"no credentials":      {nil, with(), exitFailed, "--credentials"},
		"credentials of all":  {nil, with("--credentials", loose), exitFailed, "open to other users"},
		"wrong credentials":   {nil, with("--credentials", wrong), exitFailed, "refuses the act (Vault answered 403)"},
		"no such key":         {nil, with("--credentials", vault.Token), exitFailed, "there is no key-encryption key"},
		"token by variable":   {[]string{"VAULT_TOKEN=hvs.canary"}, with("--credentials", vault.Token), exitFailed, "VAULT_TOKEN"},
		"secret by variable":  {[]string{"AWS_SECRET_ACCESS_KEY=canary"}, with("--credentials", vault.Token), exitFailed, "AWS_SECRET_ACCESS_KEY"},
		"account by variable": {[]string{"GOOGLE_APPLICATION_CREDENTIALS=/canary"}, with("--credentials", vault.Token), exitFailed, "GOOGLE_APPLICATION_CREDENTIALS"},
		"long socket":         {nil, []string{"--socket", "/" + strings.Repeat("s", 200), "--provider", vault.URI("made"), "--ca", vault.CA, "--credentials", vault.Token, "--make"}, exitFailed, "107"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, said := command(t, test.env, test.args...).end(t)
			if code != test.code || !strings.Contains(said, test.says) || strings.Contains(said, "canary") {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
}

func TestHardened(t *testing.T) {
	vault := kektest.NewVault(t)
	c := serving(t, nil, filepath.Join(socketDir(t), "s"), "--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.Process.Pid))
	if err == nil {
		lines := strings.Split(string(limits), "\n")
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Max core file size") })
		if at < 0 || !slices.Equal(strings.Fields(lines[at])[4:6], []string{"0", "0"}) {
			t.Errorf("core dumps: %s", lines[max(0, at)])
		}
	} else if os.Geteuid() == 0 {
		t.Error(err)
	}
	// The kernel gives the files of a process that must not be dumped to root.
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("its memory belongs to user %d", owner)
	}
}

// Two helpers cannot serve one socket, and the second does not disturb the first.
func TestSecondHelper(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make"}
	serving(t, nil, socket, args...)
	if code, said := command(t, nil, append(args, "--socket", socket)...).end(t); code != exitFailed || !strings.Contains(said, "another process serves it") {
		t.Errorf("exit %d: %s", code, said)
	}
	k, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("kek"), Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
