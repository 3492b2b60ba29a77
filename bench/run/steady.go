package main

import (
	"context"
	"time"
)

const (
	sustainFor   = 30 * time.Second
	sustainTries = 4
)

// sustained sends batches of 100 at a steady rate and looks at the spool every
// second. It begins at three quarters of what a closed loop took, accepted
// events a second. When that does not hold, what went into ClickHouse meanwhile
// is tried next; while it does, an eighth more is tried.
func (s *stage) sustained(ctx context.Context, o options, out *report, accepted float64) error {
	out.add("\n## Sustained end to end, batches of 100, random arrivals, %v\n", sustainFor)
	out.head("offered events/s", "accepted events/s", "into ClickHouse events/s", "waiting, highest of the first 10 s", "of the last 10 s", "spool then", "held", "emptied within", "p99", "max")
	rate, held := 0.75*accepted, false
	for range sustainTries {
		m, err := s.zgoda.measure(ctx, s.open(o, 100, 64, s.run(), rate/100, sustainFor))
		if err != nil {
			return err
		}
		early, late := highest(m.seen, 0, 10), highest(m.seen, len(m.seen)-10, len(m.seen))
		word := "yes"
		switch {
		case behind(events(m), rate):
			word = "no, it took less"
		case grows(early, late, rate):
			word = "no, the spool grew"
		}
		stored := (m.end[metricStored] - m.begin[metricStored]) / m.Result.Elapsed.Seconds()
		out.row(thousands(rate), thousands(events(m)), thousands(stored), thousands(early), thousands(late), mebi(int64(m.end[metricSpool])), word,
			m.drain.Round(100*time.Millisecond).String(), millis(m.Result.Latency.P99), millis(m.Result.Latency.Max))
		switch {
		case word == "yes":
			held, rate = true, 1.125*rate
		case held: // one step beyond what held is enough
			return nil
		default:
			rate = min(0.95*stored, 0.9*rate)
		}
	}
	return nil
}

// highest is the most that waited in the spool in some of the scrapes.
func highest(seen []observation, from, to int) (most float64) {
	for _, o := range seen[max(from, 0):min(to, len(seen))] {
		most = max(most, o.metrics[metricWaiting])
	}
	return most
}

// grows says whether more waits at the end than at the beginning by more than
// half a second of the load, which is how far two looks may differ by chance.
func grows(early, late, rate float64) bool { return late > early+rate/2 }

// behind says whether less was accepted than offered by more than arrivals
// differ by chance.
func behind(accepted, offered float64) bool { return accepted < 0.97*offered }

const steadyFor = 12 * time.Second

// halfOfPeak sends single events at half of what the gateway took at most, with
// random arrivals, to the durable limit and to the gateway.
func (s *stage) halfOfPeak(ctx context.Context, o options, out *report, peak float64) error {
	rate := peak / 2
	var r rounds
	out.add("\n## Single events at half of the peak: %s/s, random arrivals, 256 connections, %d rounds of %v\n", thousands(rate), o.rounds, steadyFor)
	out.add("\nLatency is counted from when a request was due.\n")
	if err := s.zgoda.gateway.merged(ctx); err != nil {
		return err
	}
	for range o.rounds {
		run := s.run()
		for _, t := range []target{s.durable, s.zgoda} {
			m, err := t.measure(ctx, s.open(o, 1, 256, run, rate, steadyFor))
			if err != nil {
				return err
			}
			r.keep(m)
		}
	}
	r.ratios(out)
	r.processes(out)
	out.head("server", "generator late, p99.9", "generator late, most", "slowest of durable's slowest")
	slowest := func(name string) time.Duration {
		return most(r.by[name], func(m measured) time.Duration { return m.Result.Latency.Max })
	}
	for _, name := range r.names {
		all := r.by[name]
		out.row(name, millis(medianTime(all, func(m measured) time.Duration { return m.Result.Lag.P999 })),
			millis(most(all, func(m measured) time.Duration { return m.Result.Lag.Max })), ratio(float64(slowest(name)), float64(slowest("durable limit"))))
	}
	return nil
}
