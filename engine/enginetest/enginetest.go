// Package enginetest runs a real embedded engine for a test and takes it away
// afterwards. It fails the test when the library is missing: run `make engine`.
package enginetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"zgoda/engine"
	"zgoda/supervise"
)

// Room is a real engine of a test.
type Room struct {
	Access engine.Access
	Dir    string // the engine's data folder
	RunDir string

	child *supervise.Supervisor
	stop  func() error
}

// Start runs a real engine in a folder of the test and returns when it listens.
func Start(tb testing.TB) engine.Access {
	tb.Helper()
	return StartRoom(tb).Access
}

// StartRoom is Start for tests that kill the engine or read its files. An
// engine that ends is started again on the same port with the same passwords.
func StartRoom(tb testing.TB) *Room {
	tb.Helper()
	return StartIn(tb, filepath.Join(tb.TempDir(), "clickhouse"), filepath.Join(tb.TempDir(), "run"))
}

// StartIn is StartRoom in given folders.
func StartIn(tb testing.TB, dir, runDir string) *Room {
	tb.Helper()
	e, err := engine.New(engine.Config{Dir: dir, RunDir: runDir, Launcher: Launcher(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	access, err := e.Prepare()
	if err != nil {
		tb.Fatal(err)
	}
	config := supervise.DefaultConfig()
	config.Attempts = 1
	child, err := supervise.New(config, supervise.Deps{
		Child:  supervise.Child{Name: "clickhouse", Command: e.Command, Ready: e.Ready},
		Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)), // why an engine ended is shown with the test
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- child.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Error(err)
		}
	})
	if err := child.WaitReady(ctx); err != nil {
		tb.Fatal(err)
	}
	answers(tb, access)
	return &Room{Access: access, Dir: dir, RunDir: runDir, child: child, stop: stop}
}

// answers waits until the engine answers: for a moment after it listens it may still drop
// a connection, which the product tries again and a test does not.
func answers(tb testing.TB, access engine.Access) {
	tb.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Address}, Auth: clickhouse.Auth{Username: access.Admin.User, Password: access.Admin.Password.Reveal()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err = conn.Ping(context.Background()); err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal(err)
		}
	}
}

// PID returns the engine's process id, 0 while there is none.
func (r *Room) PID() int { return r.child.PID() }

// Kill ends the engine with kill -9 and returns at once.
func (r *Room) Kill() {
	if pid := r.child.PID(); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Restarted waits until another process than the given one runs and listens.
func (r *Room) Restarted(tb testing.TB, before int, within time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if pid := r.child.PID(); pid != 0 && pid != before && engine.Listens(ctx, r.Access.Address) {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("the engine was not back within %s", within)
		case <-tick.C:
		}
	}
}

// built makes the launcher once for each test program, under bin/ of the tree.
var built = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..")
	dir := filepath.Join(root, "bin", "test")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "zgoda-clickhouse")
	own := fmt.Sprintf("%s.%d", path, os.Getpid()) // another test program may be running the old one
	cmd := exec.Command("go", "build", "-o", own, "./cmd/zgoda-clickhouse")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the launcher: %w: %s", err, out)
	}
	return path, os.Rename(own, path)
})

// Launcher returns the path of a zgoda-clickhouse built from this tree.
func Launcher(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}
