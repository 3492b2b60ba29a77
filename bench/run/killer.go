package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// killer kills keyholder and engine in turn.
type killer struct {
	gateway *gateway
	every   time.Duration
	kills   []kill
}

// kill is one kill -9 and how long it took until another process was there.
type kill struct {
	name string
	back time.Duration // 0: it never came
}

const backWithin = 30 * time.Second

// run kills until ctx ends or for so long.
func (k *killer) run(ctx context.Context, length time.Duration) error {
	begin := time.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(k.every):
		}
		if time.Since(begin) > length {
			return nil
		}
		name := []string{"keyholder", "engine"}[n%2]
		pid := k.gateway.pidOf(name)
		if pid == 0 {
			return fmt.Errorf("kill the %s: it is not there", name)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill the %s: %w", name, err)
		}
		k.kills = append(k.kills, kill{name, k.back(ctx, name, pid)})
	}
}

// back waits until another process of the name is there.
func (k *killer) back(ctx context.Context, name string, old int) time.Duration {
	for begin := time.Now(); time.Since(begin) < backWithin; {
		if pid := k.gateway.pidOf(name); pid != 0 && pid != old {
			return time.Since(begin)
		}
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(10 * time.Millisecond):
		}
	}
	return 0
}

func (g *gateway) pidOf(name string) int {
	list := g.processes()
	if i := slices.IndexFunc(list, func(p process) bool { return p.name == name }); i >= 0 {
		return list[i].pid
	}
	return 0
}

func (k *killer) report(out *report, fault func(string, ...any)) {
	out.head("killed", "times", "longest until another ran")
	for _, name := range []string{"keyholder", "engine"} {
		var times int
		var longest time.Duration
		for _, kill := range k.kills {
			if kill.name != name {
				continue
			}
			times++
			longest = max(longest, kill.back)
			if kill.back == 0 {
				fault("the %s did not come back within %v", name, backWithin)
			}
		}
		out.row(name, thousands(float64(times)), millis(longest))
	}
	if len(k.kills) == 0 {
		fault("nothing was killed: the run was too short")
	}
}
