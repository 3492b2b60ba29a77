package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zgoda/bench/load"
	"zgoda/bench/mix"
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
	runs    uint64   // how many loads were sent so far
	cookies []string // of visitors who chose in the dialogue
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
		if err = s.startNginx(ctx); err != nil {
			return s, err
		}
	}
	return s, s.startGateway(ctx, o, flags)
}

// newGatewayStage starts the gateway alone. flags are added to `zgoda up`.
func newGatewayStage(ctx context.Context, o options, flags ...string) (*stage, error) {
	dir, err := os.MkdirTemp(o.scratch, "zgoda-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	s := &stage{dir: dir}
	if err := s.startGateway(ctx, o, flags); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) startGateway(ctx context.Context, o options, flags []string) error {
	g, err := startGateway(o.bin, filepath.Join(s.dir, "zgoda"), flags...)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, g.stop)
	s.zgoda = gatewayTarget(g)
	s.cookies, err = g.cookies(ctx)
	return err
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
func (s *stage) startNginx(ctx context.Context) error {
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
		if err := answers(ctx, address); err != nil {
			return err
		}
		name := "nginx, log buffered, workers " + workers
		s.nginx = append(s.nginx, yardstickTarget(name, address, func() []int { return append(procfs.Children(c.pid()), c.pid()) }))
	}
	return nil
}

// mix is what is sent, in batches of so many events.
func (s *stage) mix(o options, batch int, run uint64) mix.Config {
	c := mix.Default(batch)
	c.Visitors, c.Run, c.Cookies = o.visitors, run, s.cookies
	c.Key, c.Secret, c.Origin = siteKey, siteSecret, siteOrigin
	return c
}

// closed is a closed loop of a round's length.
func (s *stage) closed(o options, batch, connections int, run uint64) order {
	return order{
		Load: load.Config{Connections: connections, Warm: warm, Duration: o.round, Grace: grace},
		Mix:  s.mix(o, batch, run),
	}
}

// open is an open loop of random arrivals, rate requests a second.
func (s *stage) open(o options, batch, connections int, run uint64, rate float64, length time.Duration) order {
	one := s.closed(o, batch, connections, run)
	one.Load.Rate, one.Load.Poisson, one.Load.Seed = rate, true, run
	one.Load.Duration = length
	return one
}

const (
	warm  = 500 * time.Millisecond
	grace = 20 * time.Second
)

// fill makes every known visitor and every user known to the gateway.
func (s *stage) fill(ctx context.Context, o options) (visitors, users measured, err error) {
	const batch = 1000
	one := order{
		Load: load.Config{Connections: 16, Duration: 10 * time.Minute, Grace: grace, Retry: time.Second},
		Mix:  s.mix(o, batch, s.run()),
	}
	one.Mix.Fill, one.Mix.New, one.Mix.Identify = true, 0, 0
	one.Load.Requests = int(o.visitors+batch-1) / batch
	if visitors, err = s.zgoda.measure(ctx, one); err != nil {
		return visitors, users, fmt.Errorf("make %d visitors known: %w", o.visitors, err)
	}
	one.Mix.Identify, one.Mix.Run = 1, s.run()
	one.Load.Requests = int(o.visitors/mix.UserEvery+batch-1) / batch
	if users, err = s.zgoda.measure(ctx, one); err != nil {
		return visitors, users, fmt.Errorf("make users known: %w", err)
	}
	return visitors, users, nil
}

// run returns the number of the next load.
func (s *stage) run() uint64 {
	s.runs++
	return s.runs
}

// close ends everything and removes the data.
func (s *stage) close() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...) //nolint:gosec // a scratch folder that was made here
}
