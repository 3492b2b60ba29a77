package main

import (
	"context"
	"fmt"
	"time"

	"zgoda/bench/procfs"
)

// target is a server that is measured.
type target struct {
	name      string
	address   string
	processes func() []process
	gateway   *gateway // nil for a yardstick
}

func yardstickTarget(name, address string, pids func() []int) target {
	return target{name: name, address: address, processes: func() []process {
		var list []process
		for _, pid := range pids() {
			list = append(list, process{name, pid})
		}
		return list
	}}
}

func gatewayTarget(g *gateway) target {
	return target{name: "zgoda", address: g.public, processes: g.processes, gateway: g}
}

// measured is what one round on one target gave.
type measured struct {
	said
	target string
	cpu    map[string]procfs.CPU // by process, while counting
	memory map[string]procfs.Status

	// of the gateway alone
	seen       []observation // one a second while counting
	begin, end metrics       // when counting began; when the load was over
	drain      time.Duration // from the load's end until all was in ClickHouse
	last       metrics       // when all was
	tail       map[string]procfs.CPU
}

// perEvent is a CPU time over the accepted events, in microseconds: seconds a
// million events.
func (m measured) perEvent(c time.Duration) float64 {
	return c.Seconds() * 1e6 / float64(max(m.Result.Events, 1))
}

// cpuPerEvent adds the target's processes.
func (m measured) cpuPerEvent() float64 { return m.perEvent(m.total().Total()) }

func (m measured) total() (sum procfs.CPU) {
	for _, c := range m.cpu {
		sum = sum.Add(c)
	}
	return sum
}

// serverCPU is what the process that answers used for an event.
func (m measured) serverCPU() float64 {
	if c, ok := m.cpu["gateway"]; ok {
		return m.perEvent(c.Total())
	}
	return m.cpuPerEvent()
}

// measure sends one load to the target. On a gateway it scrapes every second
// meanwhile and waits until all is in ClickHouse and merged, so that the next
// target has the machine for itself.
func (t target) measure(ctx context.Context, o order) (measured, error) {
	return t.whileSending(ctx, o, func() {})
}

// whileSending is measure that calls also when counting begins.
func (t target) whileSending(ctx context.Context, o order, also func()) (measured, error) {
	m := measured{target: t.name}
	o.Load.Address = t.address
	var before map[string]procfs.CPU
	var stop func() ([]observation, error)
	var failed error
	var err error
	m.said, err = send(ctx, o, func() {
		before = cpuOf(t.processes())
		if t.gateway != nil {
			m.begin, failed = t.gateway.scrape(ctx)
			stop = t.gateway.watch(ctx)
		}
		also()
	})
	if stop != nil {
		var watchErr error
		if m.seen, watchErr = stop(); err == nil {
			err = watchErr
		}
	}
	if err == nil {
		err = failed
	}
	if err != nil {
		return measured{}, fmt.Errorf("load %s: %w", t.name, err)
	}
	after := cpuOf(t.processes())
	m.cpu = since(after, before)
	m.memory = map[string]procfs.Status{}
	for _, p := range t.processes() {
		m.memory[p.name] = procfs.StatusOf(p.pid)
	}
	if t.gateway == nil {
		return m, nil
	}
	if m.end, err = t.gateway.scrape(ctx); err != nil {
		return measured{}, err
	}
	if m.drain, m.last, err = t.gateway.drained(ctx); err != nil {
		return measured{}, err
	}
	m.tail = since(cpuOf(t.processes()), after)
	return m, t.gateway.merged(ctx)
}

func cpuOf(list []process) map[string]procfs.CPU {
	all := map[string]procfs.CPU{}
	for _, p := range list {
		all[p.name] = all[p.name].Add(procfs.CPUOf(p.pid))
	}
	return all
}

func since(now, before map[string]procfs.CPU) map[string]procfs.CPU {
	all := map[string]procfs.CPU{}
	for name, c := range now {
		all[name] = c.Sub(before[name])
	}
	return all
}
