package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// asMain tells this test binary to be zgoda-keyholder itself.
const asMain = "ZGODA_TEST_AS_KEYHOLDER"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// child is a keyholder in a process of its own.
type child struct {
	*exec.Cmd

	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func command(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(self, args...)}
	c.Env = append(os.Environ(), asMain+"=1")
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

// serving starts a keyholder and waits for its ready line.
func serving(t *testing.T, dir, socket string) *child {
	t.Helper()
	c := command(t, "--data", dir, "--socket", socket, "--parent-stdin")
	line, err := c.stdout.ReadString('\n')
	if err != nil || line != "ready socket="+socket+"\n" {
		_ = c.Process.Kill()
		_ = c.Wait()
		t.Fatalf("said %q, %v; %s", line, err, c.stderr.String())
	}
	return c
}

func folders(t *testing.T) (dir, socket string) {
	t.Helper()
	run, err := os.MkdirTemp("", "kh") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	return filepath.Join(t.TempDir(), "data"), filepath.Join(run, "s")
}

func dial(t *testing.T, socket string) *pseudonym.Client {
	t.Helper()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func queries(from, n int, mint bool) []pseudonym.Query {
	out := make([]pseudonym.Query, n)
	for i := range out {
		copy(out[i].H1[:], fmt.Sprintf("h1-%08d", from+i))
		out[i].Kind, out[i].Mint = event.KindEmail, mint
	}
	return out
}

// What was answered before a kill -9, in the middle of minting, is what is
// answered after it.
func TestKilledWhileMinting(t *testing.T) {
	dir, socket := folders(t)
	answered := map[int]event.Handles{}
	next := 0
	for round := range 6 {
		c := serving(t, dir, socket)
		client := dial(t, socket)
		for n, handles := range answered {
			got, err := client.Resolve(t.Context(), queries(n, 1, false))
			if err != nil || got[0] != handles {
				t.Fatalf("round %d: contact %d has other handles after the kill, %v", round, n, err)
			}
		}
		minting := make(chan error, 1)
		began := make(chan struct{})
		go func() {
			for batch := 0; ; batch++ {
				const size = 40
				got, err := client.Resolve(context.Background(), queries(next, size, true))
				if err != nil {
					minting <- err
					return
				}
				for i, handles := range got {
					answered[next+i] = handles
				}
				next += size
				if batch == 2 {
					close(began)
				}
			}
		}()
		<-began
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := <-minting; err == nil {
			t.Fatal("minting went on without a keyholder")
		}
		_ = c.Wait()
		_ = client.Close()
	}
	if len(answered) < 6*3*40 {
		t.Errorf("only %d contacts were minted", len(answered))
	}
}

// The disk alone, without the running process, must not tell a salt, a key that
// a gateway holds, or who somebody is.
func TestStolenDisk(t *testing.T) {
	dir, socket := folders(t)
	c := serving(t, dir, socket)
	client := dial(t, socket)
	keys, err := client.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	canary := "jana.novakova@canary.example"
	mail, err := pseudonym.NewBlinder(keys.Gate).Blind("shop", event.KindEmail, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	visitor := event.Blinded([]byte("visitor-canary-of-32-bytes-54321"))
	linked, err := client.Link(t.Context(), pseudonym.LinkRequest{
		Contact: []pseudonym.Query{{H1: mail, Kind: event.KindEmail}}, Visitor: visitor,
	})
	if err != nil {
		t.Fatal(err)
	}
	secrets := [][]byte{[]byte(canary), mail[:], visitor[:], keys.Spool.Reveal(), keys.Cookie.Reveal(), keys.Gate[0].Key.Reveal()}
	for _, h := range []event.Handles{linked.Contact, linked.Visitor} {
		secrets = append(secrets, h.Consent[:], h.Profiling[:], h.Analytics[:])
	}
	checkDisk(t, dir, secrets)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	checkDisk(t, dir, secrets)
	if log := c.stderr.String(); strings.Contains(log, "canary") {
		t.Errorf("the log tells: %s", log)
	}
}

func checkDisk(t *testing.T, dir string, secrets [][]byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s: mode %o", path, mode)
		}
		if entry.IsDir() {
			return nil
		}
		files++
		content, err := os.ReadFile(path)
		for i, secret := range secrets {
			if bytes.Contains(content, secret[:12]) || bytes.Contains(content, []byte(hex.EncodeToString(secret))) {
				t.Errorf("%s holds secret %d", path, i)
			}
		}
		return err
	})
	if err != nil || files < 12 {
		t.Errorf("%d files, %v", files, err)
	}
}

// ended waits for the child and returns its exit code.
func ended(t *testing.T, c *child) int {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = c.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, c.stdout)
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}

func TestEndings(t *testing.T) {
	endings := map[string]func(c *child) error{
		"its parent's end": func(c *child) error { return c.stdin.Close() },
		"SIGTERM":          func(c *child) error { return c.Process.Signal(syscall.SIGTERM) },
		"SIGINT":           func(c *child) error { return c.Process.Signal(os.Interrupt) },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			dir, socket := folders(t)
			c := serving(t, dir, socket)
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if code := ended(t, c); code != exitDone {
				t.Errorf("exit %d: %s", code, c.stderr.String())
			}
			if _, err := os.Stat(socket); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	dir, socket := folders(t)
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"no flags":     {nil, exitUsage, "--data"},
		"no socket":    {[]string{"--data", dir}, exitUsage, "--socket"},
		"unknown flag": {[]string{"--data", dir, "--socket", socket, "--tcp"}, exitUsage, "--tcp"},
		"long socket":  {[]string{"--data", dir, "--socket", "/" + strings.Repeat("s", 200)}, exitFailed, "107"},
		"help":         {[]string{"--help"}, exitDone, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := command(t, test.args...)
			if code := ended(t, c); code != test.code || !strings.Contains(c.stderr.String(), test.says) {
				t.Errorf("exit %d: %s", code, c.stderr.String())
			}
		})
	}
}

func TestMissingKEKIsFatal(t *testing.T) {
	dir, socket := folders(t)
	c := serving(t, dir, socket)
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	ended(t, c)
	if err := os.Remove(filepath.Join(dir, "kek", "kek.key")); err != nil {
		t.Fatal(err)
	}
	again := command(t, "--data", dir, "--socket", socket)
	if code := ended(t, again); code != exitFailed || !strings.Contains(again.stderr.String(), "there is no key-encryption key") {
		t.Errorf("exit %d: %s", code, again.stderr.String())
	}
}

func TestHardened(t *testing.T) {
	dir, socket := folders(t)
	c := serving(t, dir, socket)
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
