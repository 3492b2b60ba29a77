package supervise

import (
	"context"
	"errors"
)

// Supervisor keeps one child running.
type Supervisor struct {
	config Config
	deps   Deps
	ready  chan struct{}
}

// New makes a supervisor; nothing is started.
func New(config Config, deps Deps) (*Supervisor, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Supervisor{config: config, deps: deps, ready: make(chan struct{})}, nil
}

// Run keeps the child running until ctx ends, then stops it: SIGTERM, after
// StopWithin SIGKILL to its whole group. It returns nil after a stop, and an
// error when the child never became ready in Attempts starts.
func (s *Supervisor) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Started is closed when the child has been ready for the first time.
func (s *Supervisor) Started() <-chan struct{} { return s.ready }

// WaitReady returns nil when the child has been ready, or the child's own last
// words when it failed to start too often.
func (s *Supervisor) WaitReady(ctx context.Context) error { return errors.New("not started") }

// PID returns the process id of the running child, or 0.
func (s *Supervisor) PID() int { return 0 }
