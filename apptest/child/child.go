package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMain tells the test binary to be the program itself.
const asMain = "ZGODA_TEST_AS_MAIN"

// Main is the body of a TestMain, which ends with the tests' own exit code.
func Main(m *testing.M, main func()) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	m.Run()
}

// Command is the program, which is yet to be started.
func Command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	return cmd
}

// Process is the program in a process of its own.
type Process struct {
	*exec.Cmd

	Stdin  io.WriteCloser
	Stdout *bufio.Reader
	stderr bytes.Buffer
}

// Start starts the program, with more variables than ours.
func Start(t *testing.T, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Cmd: Command(t, args...)}
	p.Env = append(p.Env, env...)
	p.Stderr = &p.stderr
	var err error
	if p.Stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *Process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// Expect reads a line, which is to be the wanted one.
func (p *Process) Expect(t *testing.T, line string) {
	t.Helper()
	got, err := p.Stdout.ReadString('\n')
	if err != nil || got != line+"\n" {
		p.kill()
		t.Fatalf("said %q, %v; %s", got, err, p.stderr.String())
	}
}

// End waits for the end and returns the exit code, and all that was written to
// standard error.
func (p *Process) End(t *testing.T) (code int, said string) {
	t.Helper()
	late := time.AfterFunc(30*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, p.Stdout)
	_ = p.Wait()
	return p.ProcessState.ExitCode(), p.stderr.String()
}

// Endings are the ways to ask it to end.
func Endings() map[string]func(p *Process) error {
	return map[string]func(p *Process) error{
		"its parent's end": func(p *Process) error { return p.Stdin.Close() },
		"SIGTERM":          func(p *Process) error { return p.Process.Signal(syscall.SIGTERM) },
		"SIGINT":           func(p *Process) error { return p.Process.Signal(os.Interrupt) },
	}
}

// Hardened checks that nothing reads its memory: it leaves no core, and its files
// in /proc are root's.
func (p *Process) Hardened(t *testing.T) {
	t.Helper()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
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
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("its memory belongs to user %d", owner)
	}
}
