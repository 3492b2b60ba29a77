package supervise_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/supervise"
)

// The test binary plays the children and the parents: ZGODA_PLAY names the part.
func TestMain(m *testing.M) {
	switch os.Getenv("ZGODA_PLAY") {
	case "":
		goleak.VerifyTestMain(m)
	case "serve": // serves until its input ends or SIGTERM
		fmt.Println("pid", os.Getpid())
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "deaf": // ends only by SIGKILL, and has a child of the same kind
		ignore()
		c := exec.Command(os.Args[0])
		c.Env, c.Stdout = []string{"ZGODA_PLAY=sleeper"}, os.Stdout
		_ = c.Start()
		fmt.Println("pid", os.Getpid())
		fmt.Println("pid", c.Process.Pid)
		select {}
	case "sleeper":
		ignore()
		time.Sleep(time.Hour)
	case "fail":
		fmt.Fprintln(os.Stderr, "the cellar is locked: bring the key")
		os.Exit(1)
	case "vanish": // ends well before it serves
		os.Exit(0)
	case "parent": // supervises "serve" until it is killed
		s, err := supervise.New(supervise.DefaultConfig(), supervise.Deps{Child: supervise.Child{
			Name: "part", Command: part(os.Getenv("ZGODA_PART")), Line: func(line string) { fmt.Println(line) },
		}})
		if err != nil {
			panic(err)
		}
		_ = s.Run(context.Background())
	}
}

func ignore() {
	ch := make(chan os.Signal, 1)
	notify(ch)
	go func() {
		for range ch {
		}
	}()
}

func part(name string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		c := exec.Command(os.Args[0])
		c.Env = []string{"ZGODA_PLAY=" + name}
		return c, nil
	}
}

func alive(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	return !strings.Contains(string(b), ") Z ")
}

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pids collects what children say.
type pids struct {
	mu   sync.Mutex
	list []int
}

func (p *pids) line(text string) {
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "pid ")); err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.list = append(p.list, n)
	}
}

func (p *pids) get() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]int(nil), p.list...)
}

func quick() supervise.Config {
	c := supervise.DefaultConfig()
	c.BackoffMin, c.BackoffMax, c.StopWithin = 10*time.Millisecond, 50*time.Millisecond, 300*time.Millisecond
	return c
}

func run(t *testing.T, c supervise.Config, child supervise.Child) (*supervise.Supervisor, func() error) {
	t.Helper()
	s, err := supervise.New(c, supervise.Deps{Child: child})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

func TestRestartsAndStops(t *testing.T) {
	var said pids
	s, stop := run(t, quick(), supervise.Child{Name: "part", Command: part("serve"), Line: said.line})
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		eventually(t, 5*time.Second, "a start", func() bool { return len(said.get()) == i })
		if err := syscall.Kill(said.get()[i-1], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, "a fourth start", func() bool { return len(said.get()) == 4 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range said.get() {
		if alive(pid) {
			t.Errorf("child %d is alive after the stop", pid)
		}
	}
	if s.PID() != 0 {
		t.Error("PID after the stop")
	}
}

func TestStopKillsTheDeafAndTheirChildren(t *testing.T) {
	var said pids
	_, stop := run(t, quick(), supervise.Child{Name: "part", Command: part("deaf"), Line: said.line})
	eventually(t, 5*time.Second, "both pids", func() bool { return len(said.get()) == 2 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range said.get() {
		eventually(t, 2*time.Second, "the end of a deaf one", func() bool { return !alive(pid) })
	}
}

func TestFailingStart(t *testing.T) {
	never := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, want := range map[string]string{"fail": "the cellar is locked: bring the key", "vanish": "exit status 0"} {
		t.Run(name, func(t *testing.T) {
			s, stop := run(t, quick(), supervise.Child{Name: "cellar", Command: part(name), Ready: never, Line: func(string) {}})
			err := s.WaitReady(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cellar") {
				t.Fatal(err)
			}
			if err := stop(); err == nil {
				t.Fatal("Run gave no error")
			}
		})
	}
	t.Run("missing program", func(t *testing.T) {
		s, _ := run(t, quick(), supervise.Child{Name: "x", Command: func() (*exec.Cmd, error) { return exec.Command("/does/not/exist"), nil }})
		if err := s.WaitReady(t.Context()); err == nil {
			t.Fatal("no error")
		}
	})
	t.Run("never ready", func(t *testing.T) {
		c := quick()
		c.StartWithin, c.Attempts = 50*time.Millisecond, 2
		s, _ := run(t, c, supervise.Child{Name: "x", Command: part("serve"), Ready: never, Line: func(string) {}})
		if err := s.WaitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "not ready in 50ms") {
			t.Fatal(err)
		}
	})
}

func TestParentKilled(t *testing.T) {
	for _, name := range []string{"serve", "deaf"} {
		t.Run(name, func(t *testing.T) {
			parent := exec.Command(os.Args[0])
			parent.Env = []string{"ZGODA_PLAY=parent", "ZGODA_PART=" + name}
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			var said pids
			lines := bufio.NewScanner(out)
			want := map[string]int{"serve": 1, "deaf": 1}[name] // a deaf one's child is no child of ours
			for len(said.get()) < want && lines.Scan() {
				said.line(lines.Text())
			}
			if err := parent.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for _, pid := range said.get() {
				eventually(t, 3*time.Second, "the child's end", func() bool { return !alive(pid) })
			}
			if name == "deaf" { // the sleeper left its parent's care: take it away
				for lines.Scan() {
					said.line(lines.Text())
					if list := said.get(); len(list) == 2 {
						_ = syscall.Kill(list[1], syscall.SIGKILL)
					}
				}
			}
			_ = parent.Wait()
		})
	}
}

func TestConfig(t *testing.T) {
	if err := supervise.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := supervise.Config{BackoffMax: -1}.Validate()
	for _, key := range []string{"backoff_min", "backoff_max", "start_within", "stop_within", "attempts"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
	if _, err := supervise.New(supervise.DefaultConfig(), supervise.Deps{}); err == nil {
		t.Error("a child without a command was taken")
	}
}
