package apptest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zgoda/engine"
)

// ownEngine is a real engine that the test runs, so that it stays away when it
// is ended.
type ownEngine struct {
	engine *engine.Engine
	access engine.Access
	run    string // its folder of settings
	log    *logFile
	cmd    *exec.Cmd // nil while it is away
	stdin  io.Closer
}

// startEngine starts an engine that ends with the test.
func startEngine(t *testing.T) *ownEngine {
	t.Helper()
	own := makeEngine(t)
	own.start(t)
	return own
}

// makeEngine makes one that is to be started.
func makeEngine(t *testing.T) *ownEngine {
	t.Helper()
	dir := t.TempDir()
	e, err := engine.New(engine.Config{
		Dir: filepath.Join(dir, "clickhouse"), RunDir: filepath.Join(dir, "run"), Launcher: filepath.Join(bin, "zgoda-clickhouse"),
	})
	if err != nil {
		t.Fatal(err)
	}
	access, err := e.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	own := &ownEngine{engine: e, access: access, run: filepath.Join(dir, "run"), log: &logFile{}}
	t.Cleanup(func() {
		own.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("what the engine printed:\n%s", tail(own.log.String(), 2000))
		}
	})
	return own
}

// dsn is how zgoda reaches it.
func (e *ownEngine) dsn() string {
	return fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", e.access.Admin.User, e.access.Admin.Password.Reveal(), e.access.Address)
}

// start starts the engine on the same port and waits until it listens.
func (e *ownEngine) start(t *testing.T) {
	t.Helper()
	cmd, err := e.engine.Command()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = e.log, e.log
	if e.stdin, err = cmd.StdinPipe(); err != nil { // its end would end the engine
		t.Fatal(err)
	}
	err = cmd.Start()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	e.cmd = cmd
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.engine.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// signal sends a signal to the engine.
func (e *ownEngine) signal(what syscall.Signal) { _ = e.cmd.Process.Signal(what) }

// end ends the engine by the signal; nothing starts it again.
func (e *ownEngine) end(how syscall.Signal) {
	if e.cmd == nil {
		return
	}
	e.signal(how)
	_ = e.cmd.Wait()
	_ = e.stdin.Close()
	e.cmd = nil
}

// upWith starts a stack on an engine of the test's own.
func upWith(t *testing.T, e *ownEngine, args ...string) *stack {
	t.Helper()
	return up(t, append([]string{"--clickhouse", e.dsn()}, args...)...)
}
