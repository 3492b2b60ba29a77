package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	skewUncertain = time.Second // an answer that took longer says nothing of the clock
	skewOld       = time.Minute // what was heard longer ago is not told any more
	askControl    = 15 * time.Second
)

// clocks are how far those of the parts that answer us are from ours: of each server of
// ClickHouse, of the keyholder, and of a control store that is a server.
type clocks struct {
	mu  sync.Mutex
	off map[string]skew // by peer
}

type skew struct {
	ahead time.Duration
	heard time.Time
}

func newClocks() *clocks { return &clocks{off: map[string]skew{}} }

// heard takes down which time a peer said it was, between two times of ours.
func (c *clocks) heard(peer string, said, asked, answered time.Time) {
	took := answered.Sub(asked)
	if took > skewUncertain || said.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off[peer] = skew{ahead: said.Sub(asked.Add(took / 2)), heard: answered}
}

// askStore asks the control store for its time until ctx ends.
func (c *clocks) askStore(ctx context.Context, clock func(context.Context) (time.Time, error)) {
	tick := time.NewTicker(askControl)
	defer tick.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		asked := time.Now()
		if said, err := clock(bounded); err == nil { // that it is away is told elsewhere
			c.heard("control", said, asked, time.Now())
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watchClocks compares the control store's clock, where it has one of its own.
func (n *node) watchClocks(ctx context.Context) {
	if n.control.Shared() {
		n.clocks.askStore(ctx, n.control.Clock)
	}
}

var descSkew = prometheus.NewDesc("zgoda_clock_skew_seconds", "How far the clock of another part is ahead of this process'; negative: behind.", []string{"peer"}, nil)

// Describe implements prometheus.Collector.
func (c *clocks) Describe(ch chan<- *prometheus.Desc) { ch <- descSkew }

// Collect implements prometheus.Collector.
func (c *clocks) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for peer, s := range c.off {
		if time.Since(s.heard) < skewOld {
			ch <- prometheus.MustNewConstMetric(descSkew, prometheus.GaugeValue, s.ahead.Seconds(), peer)
		}
	}
}
