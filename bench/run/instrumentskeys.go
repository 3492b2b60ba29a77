package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"zgoda/bench/procfs"
	"zgoda/bench/profile"
)

// perfRate is how many samples of a running process are taken in a second of CPU.
const perfRate = 999

// keyholderWatched measures what counting, timing and being scraped each second take of
// the keyholder's CPU: once at the gateway's peak of single events, and once where
// no visitor was seen before, so that it is asked about each. The keyholder serves
// no profiles, so Linux' perf looks at it from outside.
func (s *stage) keyholderWatched(ctx context.Context, o options, out *report) error {
	for _, load := range []struct {
		name string
		new  float64
	}{{"at the gateway's peak, single events", -1}, {"where each event is of a visitor that was never seen", 1}} {
		one := s.closed(o, 1, o.connections, s.run())
		if load.new >= 0 {
			one.Mix.New, one.Mix.Identify = load.new, 0
		}
		m, samples, err := s.underPerf(ctx, one)
		if err != nil {
			return err
		}
		parts, all := profile.WatchingKeys(samples)
		out.add("\n## The keyholder %s: %s events/s, %d s under perf (%d samples), scraped each second\n", load.name, thousands(m.Result.EventsPerSecond()), profileSeconds, len(samples))
		out.watching("the keyholder", parts, all, m.Result.EventsPerSecond()*profileSeconds)
		out.add("\nThe keyholder had %.0f %% of one core.\n", 100*all.Seconds()/profileSeconds)
	}
	return nil
}

// underPerf sends a load while perf samples the keyholder, whose metrics are read each
// second as the gateway's are.
func (s *stage) underPerf(ctx context.Context, one order) (measured, []profile.Sample, error) {
	one.Load.Duration = (profileSeconds + 1) * time.Second
	g := s.zgoda.gateway
	file := filepath.Join(s.dir, "keyholder.perf")
	taken, asked := make(chan error, 1), make(chan error, 1)
	m, err := s.zgoda.whileSending(ctx, one, func() {
		looks, stop := context.WithCancel(ctx)
		go func() {
			defer stop()
			//nolint:gosec // the pid is a child's
			taken <- told(exec.CommandContext(ctx, "perf", "record", "-q", "-e", "cpu-clock", "-F", strconv.Itoa(perfRate), "-g",
				"-p", strconv.Itoa(procfs.Child(g.pid(), "zgoda-keyholder")), "-o", file, "--", "sleep", strconv.Itoa(profileSeconds)))
		}()
		go func() { asked <- eachSecond(looks, g.keys) }()
	})
	if err != nil {
		return m, nil, err
	}
	if err := errors.Join(<-taken, <-asked); err != nil {
		return m, nil, fmt.Errorf("sample the keyholder: %w", err)
	}
	var text bytes.Buffer
	//nolint:gosec // a file that was made here
	script := exec.CommandContext(ctx, "perf", "script", "-i", file, "-F", "ip,sym")
	script.Stdout = &text
	if err := told(script); err != nil {
		return m, nil, fmt.Errorf("read the samples: %w", err)
	}
	return m, profile.ReadPerf(text.Bytes(), time.Second/perfRate), nil
}

// eachSecond scrapes until ctx ends.
func eachSecond(ctx context.Context, address string) error {
	for tick := time.Tick(time.Second); ; {
		if _, err := likePrometheus(ctx, address); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// told runs a command; an error of it says what it said last.
func told(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()[max(0, said.Len()-500):]))
	}
	return nil
}
