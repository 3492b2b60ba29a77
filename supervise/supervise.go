package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Supervisor keeps one child running.
type Supervisor struct {
	config  Config
	deps    Deps
	metrics *metrics
	ready   chan struct{} // closed at the first ready
	failed  chan struct{} // closed when Run gives up, or ended before the child was ready

	mu    sync.Mutex
	pid   int
	cause error // why Run gave up
}

// New makes a supervisor; nothing is started.
func New(config Config, deps Deps) (*Supervisor, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if deps.Child.Command == nil || deps.Child.Name == "" {
		return nil, errors.New("supervise: a child needs a name and a command")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(deps.Registerer, deps.Child.Name)
	if err != nil {
		return nil, err
	}
	return &Supervisor{config: config, deps: deps, metrics: m, ready: make(chan struct{}), failed: make(chan struct{})}, nil
}

// WaitReady returns nil when the child has been ready, or the child's own last
// words when it failed to start too often.
func (s *Supervisor) WaitReady(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-s.failed:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.cause
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", s.deps.Child.Name, context.Cause(ctx))
	}
}

// PID returns the process id of the running child, or 0.
func (s *Supervisor) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

func (s *Supervisor) setPID(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = pid
}

func (s *Supervisor) wasReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// Run keeps the child running until ctx ends, then stops it: SIGTERM, after
// StopWithin SIGKILL to its whole group. It returns nil after a stop, and an
// error when the child never became ready in Attempts starts. Run once.
func (s *Supervisor) Run(ctx context.Context) (err error) {
	// The kernel kills a child when the thread that started it ends
	// (Pdeathsig), so that thread lives as long as the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.cause = err; s.cause == nil {
			s.cause = fmt.Errorf("%s was stopped", s.deps.Child.Name)
		}
		close(s.failed)
	}()
	backoff, failures := s.config.BackoffMin, 0
	for {
		served, err := s.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if served {
			backoff, failures = s.config.BackoffMin, 0
		} else if failures++; failures >= s.config.Attempts && !s.wasReady() {
			return fmt.Errorf("start %s: %w", s.deps.Child.Name, err)
		}
		s.metrics.restarts.Inc()
		s.deps.Logger.WarnContext(ctx, "a child ended and is started again", "child", s.deps.Child.Name, "error", err, "wait", backoff)
		timer := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		backoff = min(2*backoff, s.config.BackoffMax)
	}
}

// lastWords is how long the output of an ended child is waited for, should
// something outside its group hold it open.
const lastWords = time.Second

// errEnded says that a child ended; wrapped with its last words.
var errEnded = errors.New("ended")

// once starts the child, waits until it is ready, and then until it ends.
// served says whether it was ready.
func (s *Supervisor) once(ctx context.Context) (served bool, err error) {
	cmd, err := s.deps.Child.Command()
	if err != nil {
		return false, err
	}
	stdin, said, lines, err := s.start(cmd)
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	if err != nil {
		return false, err
	}
	s.setPID(cmd.Process.Pid)
	defer s.setPID(0)
	exited := make(chan struct{})
	var waited error
	go func() {
		waited = cmd.Wait()
		killGroup(cmd) // what the child left behind, which would keep its output open
		select {
		case <-lines:
		case <-time.After(lastWords):
		}
		close(exited)
	}()
	defer func() { _ = stdin.Close() }()
	readyErr := s.await(ctx, exited)
	if readyErr == nil {
		served = true
		s.metrics.up.Set(1)
		defer s.metrics.up.Set(0)
		if !s.wasReady() {
			close(s.ready)
		}
		select {
		case <-exited:
		case <-ctx.Done():
		}
	}
	select {
	case <-exited:
		return served, endedError(said.last(), waited)
	default:
	}
	s.stop(cmd, stdin, exited)
	if readyErr != nil {
		return served, fmt.Errorf("not ready in %s: %w", s.config.StartWithin, readyErr)
	}
	return served, nil
}

// await calls the child's Ready until it answers, the child ends or time is up.
func (s *Supervisor) await(ctx context.Context, exited <-chan struct{}) error {
	if s.deps.Child.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.StartWithin)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- s.deps.Child.Ready(ctx) }()
	select {
	case err := <-answer:
		select {
		case <-exited: // an answer of something else on the same port
			return errEnded
		default:
			return err
		}
	case <-exited:
		cancel()
		if err := <-answer; err != nil {
			return errEnded // the end says more than the wait for it
		}
		return errEnded
	}
}

// start runs the command in a group of its own with our pipes.
func (s *Supervisor) start(cmd *exec.Cmd) (stdin io.Closer, said *words, lines <-chan struct{}, err error) {
	cmd.SysProcAttr = attributes()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make the child's input: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = in.Close()
		return nil, nil, nil, fmt.Errorf("make the child's output: %w", err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		_, _ = in.Close(), r.Close()
		return nil, nil, nil, fmt.Errorf("start the program: %w", err)
	}
	said, done := new(words), make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = r.Close() }()
		s.relay(r, said)
	}()
	return in, said, done, nil
}

// stop ends the child: the end of its input and SIGTERM, later SIGKILL.
func (s *Supervisor) stop(cmd *exec.Cmd, stdin io.Closer, exited <-chan struct{}) {
	_ = stdin.Close()
	terminate(cmd)
	timer := time.NewTimer(s.config.StopWithin)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
	}
	killGroup(cmd)
	<-exited
}

// maxLine is where longer lines of a child are cut.
const maxLine = 4 << 10

// relay hands on the child's output line by line and remembers the last one.
func (s *Supervisor) relay(r io.Reader, said *words) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, tooLong, err := in.ReadLine()
		if len(line) > 0 {
			text := string(line)
			said.set(text)
			if s.deps.Child.Line != nil {
				s.deps.Child.Line(text)
			} else {
				s.deps.Logger.Info("a child says", "child", s.deps.Child.Name, "line", text)
			}
		}
		for tooLong && err == nil {
			_, tooLong, err = in.ReadLine()
		}
		if err != nil {
			return
		}
	}
}

// words keeps a child's last line.
type words struct {
	mu   sync.Mutex
	text string
}

func (w *words) set(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = text
}

func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text
}

// endedError says how a child ended, in its own words when it had any.
func endedError(said string, waited error) error {
	how := "exit status 0"
	if waited != nil {
		how = waited.Error()
	}
	if said == "" {
		return fmt.Errorf("%w (%s)", errEnded, how)
	}
	return fmt.Errorf("%w (%s): %s", errEnded, how, said)
}
