package yardstick

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asServer is set for the copy of this test that is the durable yardstick.
const asServer = "ZGODA_BENCH_TEST_DURABLE"

func TestMain(m *testing.M) {
	dir := os.Getenv(asServer)
	if dir == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println(l.Addr())
		err = ServeDurable(context.Background(), l, dir)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestDurableHasWhatItAnswered: after kill -9 in the middle of the load every
// body that was answered is in a file, once.
func TestDurableHasWhatItAnswered(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env, cmd.Stderr = append(os.Environ(), asServer+"="+dir), os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it was killed
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatal("the server says nothing")
	}
	address := "http://" + lines.Text() + "/"

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	answered := map[string]bool{}
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf("%d-%d-%s", worker, n, strings.Repeat("x", n%700))
				resp, err := client.Post(address, "text/plain", strings.NewReader(body))
				if err != nil {
					return // killed
				}
				_ = resp.Body.Close()
				mu.Lock()
				if resp.StatusCode == http.StatusNoContent {
					answered[body] = true
				}
				if len(answered) == 2000 {
					_ = cmd.Process.Signal(syscall.SIGKILL)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	found := readAll(t, dir)
	if len(answered) < 2000 {
		t.Fatalf("only %d were answered", len(answered))
	}
	for body := range answered {
		if found[body] != 1 {
			t.Fatalf("an answered body is in the files %d times", found[body])
		}
	}
}

func readAll(t *testing.T, dir string) map[string]int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	found := map[string]int{}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := Bodies(content, func(body []byte) { found[string(body)]++ }); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestLogRotates: a full file is followed by the next, and old ones go.
func TestLogRotates(t *testing.T) {
	dir := t.TempDir()
	log, err := OpenLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	body := bytes.Repeat([]byte{7}, fileSize/2-prefixLen)
	for range 7 {
		if err := log.Append(body); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := log.Append(body); !errors.Is(err, os.ErrClosed) {
		t.Errorf("appended after the end: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) != filesKept {
		t.Errorf("%d files are kept, want %d", len(files), filesKept)
	}
	if want := int64(7 * fileSize / 2); log.Synced() != want {
		t.Errorf("%d bytes synced, want %d", log.Synced(), want)
	}
}

func TestBodiesRefusesTornOnes(t *testing.T) {
	whole := appendBody(appendBody(nil, []byte("one")), nil)
	var got []string
	if err := Bodies(append(whole, 0, 0, 0, 0, 9), func(b []byte) { got = append(got, string(b)) }); err != nil || len(got) != 2 || got[0] != "one" || got[1] != "" {
		t.Fatalf("%q, %v", got, err)
	}
	if Bodies(whole[:5], func([]byte) {}) == nil {
		t.Error("a torn body was taken")
	}
}

// TestNginx: it answers 204 and logs, or is said to be missing.
func TestNginx(t *testing.T) {
	dir := t.TempDir()
	cmd, address, err := Nginx(dir, "1")
	if _, missing := findNginx(); missing != nil {
		if !errors.Is(err, ErrNoNginx) {
			t.Fatalf("without nginx: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(dir, "access.log")); err != nil || !strings.Contains(string(log), "POST /v1/t HTTP/1.1") {
			t.Errorf("the log: %q, %v", log, err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for {
		resp, err := client.Post("http://"+address+"/v1/t", "text/plain", strings.NewReader("{}"))
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Errorf("answers %d", resp.StatusCode)
			}
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(err)
		}
	}
}
