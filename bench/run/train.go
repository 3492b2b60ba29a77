package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	pprof "github.com/google/pprof/profile"

	"zgoda/telemetry"
)

// train writes a CPU profile of the gateway under single events and under batches
// of 100, for the compiler (bench/hot).
func train(ctx context.Context, o options, path string) (err error) {
	s, err := newStage(ctx, o, false, "--cpu-profile")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, _, err := s.fill(ctx, o); err != nil {
		return err
	}
	var taken []*pprof.Profile
	for _, batch := range []int{1, 100} {
		_, content, err := s.underProfiler(ctx, s.closed(o, batch, max(o.connections/batch, o.connections/4), s.run()))
		if err != nil {
			return err
		}
		p, err := pprof.Parse(bytes.NewReader(content))
		if err != nil {
			return fmt.Errorf("read the profile: %w", err)
		}
		taken = append(taken, p)
	}
	both, err := pprof.Merge(taken)
	if err != nil {
		return fmt.Errorf("merge the profiles: %w", err)
	}
	var content bytes.Buffer
	if err := both.Write(&content); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil { //nolint:gosec // a profile is for everyone
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

// underProfiler sends a load while the gateway takes a CPU profile of itself.
func (s *stage) underProfiler(ctx context.Context, one order) (measured, []byte, error) {
	one.Load.Duration = (profileSeconds + 1) * time.Second
	type answer struct {
		content []byte
		err     error
	}
	taken := make(chan answer, 1)
	m, err := s.zgoda.whileSending(ctx, one, func() {
		go func() {
			content, err := get(ctx, fmt.Sprintf("http://%s%s?seconds=%d", s.zgoda.gateway.ops, telemetry.ProfilePath, profileSeconds))
			taken <- answer{content, err}
		}()
	})
	if err != nil {
		return m, nil, err
	}
	a := <-taken
	if a.err != nil {
		return m, nil, fmt.Errorf("take a profile: %w", a.err)
	}
	return m, a.content, nil
}
