package kektest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TTY is a pseudo-terminal with somebody at it who answers questions, which are
// what ends with a colon and a space.
type TTY struct {
	master *os.File
	slave  string

	mu    sync.Mutex
	shown strings.Builder
}

// NewTTY makes one.
func NewTTY(t *testing.T) *TTY {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &TTY{master: master, slave: fmt.Sprintf("/dev/pts/%d", n)}
}

// Shown is what the terminal shows.
func (y *TTY) Shown() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.shown.String()
}

// Silent says whether what is typed is not shown.
func (y *TTY) Silent() bool {
	state, err := unix.IoctlGetTermios(int(y.master.Fd()), unix.TCGETS)
	return err == nil && state.Lflag&unix.ECHO == 0
}

// Attach makes it the terminal of a process that is about to be started, in a
// session of its own, and its standard input. To each question it types the next
// answer, a line each, once the terminal is silent; when there is none left it
// calls asked, if that is not nil.
func (y *TTY) Attach(t *testing.T, cmd *exec.Cmd, asked func(), answers ...string) {
	t.Helper()
	slave, err := os.OpenFile(y.slave, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	go y.read(asked, answers)
}

func (y *TTY) read(asked func(), answers []string) {
	piece := make([]byte, 256)
	for {
		n, err := y.master.Read(piece)
		if err != nil {
			return // the terminal is closed
		}
		y.mu.Lock()
		y.shown.Write(piece[:n])
		question := strings.HasSuffix(y.shown.String(), ": ")
		y.mu.Unlock()
		if !question || !y.waitSilent() {
			continue
		}
		if len(answers) > 0 {
			_, _ = y.master.WriteString(answers[0] + "\n")
			answers = answers[1:]
		} else if asked != nil {
			asked()
			asked = nil
		}
	}
}

// waitSilent waits until what is typed is not shown: what comes earlier would be.
func (y *TTY) waitSilent() bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		if y.Silent() {
			return true
		}
	}
	return false
}
