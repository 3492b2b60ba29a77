package engine

import (
	"context"
	"errors"
	"os/exec"
)

// Engine is one embedded engine. It is inert until Prepare.
type Engine struct {
	config Config
	access Access
}

// New makes an engine; nothing is touched.
func New(config Config) (*Engine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Engine{config: config}, nil
}

// Prepare chooses the port, makes new passwords and writes the configuration
// and the users file. The answer stays true over restarts of the child.
func (e *Engine) Prepare() (Access, error) { return Access{}, errors.New("not prepared") }

// Command makes the command for one start of the engine. It fits
// supervise.Child.Command. The files in ExtraFiles belong to the child and are
// to be closed once it has started.
func (e *Engine) Command() (*exec.Cmd, error) { return nil, errors.New("not prepared") }

// Ready returns nil once the engine listens. It waits until ctx ends.
func (e *Engine) Ready(ctx context.Context) error { return ctx.Err() }
