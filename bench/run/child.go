package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// child is a process under measurement.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ended  chan struct{} // closed when it has been waited for
	err    error         // how it ended
	public string        // host:port
	ops    string
}

const endWithin = 40 * time.Second

// start starts cmd; its standard input stays open until stop. It is killed when
// this process dies.
func start(cmd *exec.Cmd) (*child, *bufio.Scanner, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	return &child{cmd: cmd, stdin: stdin, ended: make(chan struct{})}, lines, nil
}

// startReady starts cmd and waits for its line of addresses.
func startReady(cmd *exec.Cmd) (*child, error) {
	c, lines, err := start(cmd)
	if err != nil {
		return nil, err
	}
	found := false
	for !found && lines.Scan() {
		var rest string
		if rest, found = strings.CutPrefix(lines.Text(), "ready "); found {
			err = c.addresses(rest)
		}
	}
	go func() {
		for lines.Scan() { // whatever it says later
		}
		c.err = cmd.Wait()
		close(c.ended)
	}()
	if !found {
		err = errors.Join(fmt.Errorf("%s ended before it was ready", cmd.Path), err)
	}
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *child) addresses(line string) error {
	for field := range strings.FieldsSeq(line) {
		key, value, _ := strings.Cut(field, "=")
		u, err := url.Parse(value)
		if err != nil {
			return fmt.Errorf("read the ready line of %s: %w", c.cmd.Path, err)
		}
		switch key {
		case "public":
			c.public = u.Host
		case "ops":
			c.ops = u.Host
		}
	}
	return nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the process and waits for it.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.stdin.Close()
	select {
	case <-c.ended:
		return nil
	case <-time.After(endWithin):
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	return fmt.Errorf("%s did not end within %v", c.cmd.Path, endWithin)
}

// self returns a command that runs this program.
func self(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return exec.CommandContext(ctx, path, args...), nil
}
