package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zgoda/bench/procfs"
	"zgoda/bench/yardstick"
)

// stage is everything that is measured in one run, up at the same time.
type stage struct {
	dir     string
	bare    target
	durable target
	nginx   []target // none where nginx is not installed
	zgoda   target
	closers []func() error
	runs    uint64 // how many loads were sent so far
}

// newStage starts the yardsticks and the gateway. flags are added to `zgoda up`.
func newStage(ctx context.Context, o options, withNginx bool, flags ...string) (s *stage, err error) {
	dir, err := os.MkdirTemp(o.scratch, "zgoda-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	s = &stage{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.bare, err = s.yardstick(ctx, "bare 204", "bare"); err != nil {
		return s, err
	}
	if s.durable, err = s.yardstick(ctx, "durable limit", "durable", filepath.Join(dir, "durable")); err != nil {
		return s, err
	}
	if withNginx {
		if err = s.startNginx(); err != nil {
			return s, err
		}
	}
	g, err := startGateway(ctx, o.bin, filepath.Join(dir, "zgoda"), flags...)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, g.stop)
	s.zgoda = gatewayTarget(g)
	return s, nil
}

func (s *stage) yardstick(ctx context.Context, name string, args ...string) (target, error) {
	cmd, err := self(context.WithoutCancel(ctx), args...)
	if err != nil {
		return target{}, err
	}
	c, err := startReady(cmd)
	if err != nil {
		return target{}, err
	}
	s.closers = append(s.closers, c.stop)
	return yardstickTarget(name, c.public, func() []int { return []int{c.pid()} }), nil
}

// startNginx starts nginx with one worker and with one for each core.
func (s *stage) startNginx() error {
	for _, workers := range []string{"1", "auto"} {
		cmd, address, err := yardstick.Nginx(filepath.Join(s.dir, "nginx-"+workers), workers)
		if errors.Is(err, yardstick.ErrNoNginx) {
			return nil
		}
		if err != nil {
			return err
		}
		c, _, err := start(cmd)
		if err != nil {
			return err
		}
		go func() { c.err = cmd.Wait(); close(c.ended) }()
		s.closers = append(s.closers, c.stop)
		if err := answers(address); err != nil {
			return err
		}
		name := "nginx, log buffered, workers " + workers
		s.nginx = append(s.nginx, yardstickTarget(name, address, func() []int { return append(procfs.Children(c.pid()), c.pid()) }))
	}
	return nil
}

// run returns the number of the next load.
func (s *stage) run() uint64 {
	s.runs++
	return s.runs
}

// close ends everything and removes the data.
func (s *stage) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}
