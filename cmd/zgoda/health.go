package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/console"
	"zgoda/telemetry"
)

const (
	askKeyholder  = time.Second
	keyholderAway = 10 * time.Second // away for longer: not ready
	controlAway   = 10 * time.Second
)

// presence watches whether the keyholder answers.
type presence struct {
	ask    func(context.Context) (time.Time, error) // what time it is there
	clocks *clocks
	since  atomic.Int64 // when it was last there, in Unix nanoseconds
}

func newPresence(ask func(context.Context) (time.Time, error), c *clocks, reg prometheus.Registerer) *presence {
	p := &presence{ask: ask, clocks: c}
	p.since.Store(time.Now().UnixNano())
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zgoda_keyholder_away_seconds",
		Help: "How long the keyholder has not answered; not ready beyond the limit.",
	}, func() float64 { return p.away().Seconds() }))
	return p
}

func (p *presence) run(ctx context.Context) {
	tick := time.NewTicker(askKeyholder)
	defer tick.Stop()
	for {
		asked := time.Now()
		if said, err := p.ask(ctx); err == nil {
			answered := time.Now()
			p.since.Store(answered.UnixNano())
			p.clocks.heard("keyholder", said, asked, answered)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// away is how long the keyholder has been away, zero while it answers.
func (p *presence) away() time.Duration {
	d := time.Since(time.Unix(0, p.since.Load()))
	if d < 2*askKeyholder {
		return 0
	}
	return d
}

// ready says whether traffic may be sent here.
func (n *node) ready() error {
	if err := n.gateway.Ready(); err != nil {
		return err
	}
	if err := n.spool.Healthy(); err != nil {
		return err
	}
	if n.presence.away() > keyholderAway && n.waiting.queue.Healthy() != nil {
		return errors.New("the keyholder has been away for too long, and no more can wait for it")
	}
	if n.subjects.Away() > controlAway {
		return errors.New("the control store has been away for too long")
	}
	return nil
}

// telling is what operators are told of readiness, as a metric too.
func (n *node) telling() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zgoda_ready", Help: "1 while traffic may be sent here, as GET /readyz says.",
	}, func() float64 {
		if n.ready() != nil {
			return 0
		}
		return 1
	})
}

func newOps(ctx context.Context, n *node) (*telemetry.Ops, error) {
	if err := n.registry.Register(n.telling()); err != nil {
		return nil, fmt.Errorf("register the metrics of readiness: %w", err)
	}
	ops, err := telemetry.NewOps(ctx, n.config.Ops, n.registry, n.ready)
	if err == nil && n.cpuProfile {
		if err = ops.ServeCPUProfile(); err != nil {
			err = errors.Join(err, ops.Close())
		}
	}
	return ops, err
}

// processes tells the console how our processes are.
func (n *node) processes(context.Context) []console.Process {
	state := "ready"
	if err := n.ready(); err != nil {
		state = err.Error()
	}
	list := []console.Process{{Name: "gateway", State: state}}
	for _, c := range n.children {
		p := console.Process{Name: c.name, State: "ready", PID: c.PID()}
		if p.PID == 0 {
			p.State = "being restarted"
		}
		list = append(list, p)
	}
	return list
}
