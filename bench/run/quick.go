package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"zgoda/bench/procfs"
)

// quick measures single events and batches of 100 beside bare and the durable
// limit, in interleaved rounds, or one scenario alone.
func quick(ctx context.Context, o options) (err error) {
	out := &report{}
	o.title(out, "Quick measurement")
	s, err := newStage(ctx, o, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, _, err := s.fill(ctx, o); err != nil {
		return err
	}
	if err := s.chosen(ctx, o, out); err != nil {
		return err
	}
	if err := s.final(ctx, out); err != nil {
		return err
	}
	return out.write(o)
}

// chosen measures what -only names, or single events and batches.
func (s *stage) chosen(ctx context.Context, o options, out *report) error {
	switch o.only {
	case "", "single", "batch":
	case "sustained":
		accepted, err := s.most(ctx, o, 100, 32)
		if err != nil {
			return err
		}
		return s.sustained(ctx, o, out, accepted)
	case "half":
		peak, err := s.most(ctx, o, 1, 256)
		if err != nil {
			return err
		}
		return s.halfOfPeak(ctx, o, out, peak)
	default:
		return fmt.Errorf("-only %s is none of single, batch, sustained, half", o.only)
	}
	for _, scenario := range []struct {
		name               string
		batch, connections int
	}{{"single", 1, o.connections}, {"batch", 100, max(o.connections/4, 1)}} {
		if o.only != "" && o.only != scenario.name {
			continue
		}
		if _, err := s.beside(ctx, o, out, scenario.batch, scenario.connections, []target{s.bare, s.durable, s.zgoda}); err != nil {
			return err
		}
	}
	return nil
}

// most returns what the gateway accepts in a closed loop, in events a second. It
// is the measure of the loads that follow and in no table.
func (s *stage) most(ctx context.Context, o options, batch, connections int) (float64, error) {
	m, err := s.zgoda.measure(ctx, s.closed(o, batch, connections, s.run()))
	if err != nil {
		return 0, err
	}
	return events(m), nil
}

func (o options) title(out *report, what string) {
	out.add("# %s, %s\n\n%s.\n\n", what, time.Now().UTC().Format("2006-01-02 15:04 MST"), procfs.Machine())
	out.add("%s known visitors by Zipf's law, 1 %% new, 5 %% identify; the generator is a process on the same machine; everything is on:\n"+
		"signals, pseudonyms, keyholder, embedded ClickHouse ingesting, metrics scraped each second.\n"+
		"What the columns mean: [docs/benchmarks.md](../../docs/benchmarks.md).\n", thousands(float64(o.visitors)))
}

// beside runs a closed loop on each target in turn, round after round, and adds
// the tables.
func (s *stage) beside(ctx context.Context, o options, out *report, batch, connections int, targets []target) (r rounds, err error) {
	what := "Single events"
	if batch > 1 {
		what = fmt.Sprintf("Batches of %d", batch)
	}
	out.add("\n## %s, closed loop, %d connections, %d rounds of %v\n", what, connections, o.rounds, o.round)
	for range o.rounds {
		run := s.run()
		for _, t := range targets {
			m, err := t.measure(ctx, s.closed(o, batch, connections, run))
			if err != nil {
				return r, err
			}
			r.keep(m)
		}
	}
	out.add("\nOne event has %d bytes of request on average.\n", r.by[targets[0].name][0].EventBytes)
	r.ratios(out)
	r.processes(out)
	r.spool(out)
	return r, nil
}

// final adds what the whole run left: fates, rows and bytes.
func (s *stage) final(ctx context.Context, out *report) error {
	g := s.zgoda.gateway
	_, m, err := g.drained(ctx)
	if err != nil {
		return err
	}
	begun, fated := m.balance()
	out.add("\n## At the end\n\nEvery event has one fate: %s received, %s accounted for, of which %s stored.\n", thousands(begun), thousands(fated), thousands(m[metricStored]))
	if begun != fated {
		return fmt.Errorf("fates do not balance: %.0f received, %.0f accounted for", begun, fated)
	}
	return g.storage(ctx, out, m[metricStored])
}

// answers waits until something listens at the address.
func answers(ctx context.Context, address string) error {
	err := poll(ctx, 10*time.Second, func() error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", address, err)
	}
	return nil
}
