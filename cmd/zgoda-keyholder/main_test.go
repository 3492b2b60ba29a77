package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/apptest/child"
	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// serving starts a keyholder and waits for its ready line.
func serving(t *testing.T, dir, socket string) *child.Process {
	t.Helper()
	c := child.Start(t, nil, "--data", dir, "--socket", socket, "--parent-stdin")
	c.Expect(t, "ready socket="+socket)
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
	_, log := c.End(t)
	checkDisk(t, dir, secrets)
	if strings.Contains(log, "canary") {
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

func TestEndings(t *testing.T) {
	for name, end := range child.Endings() {
		t.Run(name, func(t *testing.T) {
			dir, socket := folders(t)
			c := serving(t, dir, socket)
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if code, said := c.End(t); code != exitDone {
				t.Errorf("exit %d: %s", code, said)
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
			if code, said := child.Start(t, nil, test.args...).End(t); code != test.code || !strings.Contains(said, test.says) {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
}

func TestMissingKEKIsFatal(t *testing.T) {
	dir, socket := folders(t)
	c := serving(t, dir, socket)
	if err := c.Stdin.Close(); err != nil {
		t.Fatal(err)
	}
	c.End(t)
	if err := os.Remove(filepath.Join(dir, "kek", "kek.key")); err != nil {
		t.Fatal(err)
	}
	again := child.Start(t, nil, "--data", dir, "--socket", socket)
	if code, said := again.End(t); code != exitFailed || !strings.Contains(said, "there is no key-encryption key") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestHardened(t *testing.T) {
	dir, socket := folders(t)
	c := serving(t, dir, socket)
	c.Hardened(t)
}
