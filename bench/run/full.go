package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"zgoda/bench/profile"
)

// full measures every scenario.
func full(ctx context.Context, o options) (err error) {
	out := &report{}
	o.title(out, "Speed")
	s, err := newStage(ctx, o, true, "--cpu-profile")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	begin := time.Now()
	if len(s.nginx) == 0 {
		out.add("\nnginx is not installed here, and so is missing in the tables.\n")
	}
	if err := s.everyone(ctx, o, out); err != nil {
		return err
	}
	peak, err := s.singles(ctx, o, out)
	if err != nil {
		return err
	}
	if err := s.profiled(ctx, o, out); err != nil {
		return err
	}
	if err := s.batches(ctx, o, out); err != nil {
		return err
	}
	if err := s.halfOfPeak(ctx, o, out, peak); err != nil {
		return err
	}
	if err := s.final(ctx, out); err != nil {
		return err
	}
	out.add("\nThe run took %v.\n", time.Since(begin).Round(time.Second))
	return out.write(o)
}

// everyone sends events of every known visitor and says what holding them takes.
func (s *stage) everyone(ctx context.Context, o options, out *report) error {
	out.add("\n## Everyone known: %s visitors and %s users, once each, in batches of 1,000\n", thousands(float64(o.visitors)), thousands(float64(o.visitors/50)))
	visitors, users, err := s.fill(ctx, o)
	if err != nil {
		return err
	}
	out.head("who", "events/s", "seconds", "refused and sent again", "gateway us/event", "keyholder us/event")
	for _, row := range []struct {
		who string
		m   measured
	}{{"visitors nobody knew", visitors}, {"users, each linked to a visitor", users}} {
		out.row(row.who, thousands(events(row.m)), fmt.Sprintf("%.1f", row.m.Result.Elapsed.Seconds()), refusals([]measured{row.m}),
			micros(row.m.perEvent(row.m.cpu["gateway"].Total())), micros(row.m.perEvent(row.m.cpu["keyholder"].Total())))
	}
	out.head("process", "resident then", "peak")
	for _, p := range s.zgoda.processes() {
		out.row(p.name, mebi(users.memory[p.name].Resident), mebi(users.memory[p.name].ResidentPeak))
	}
	return nil
}

// singles measures single events with few and with many connections, and
// returns the best median of the gateway.
func (s *stage) singles(ctx context.Context, o options, out *report) (peak float64, err error) {
	for _, scenario := range []struct {
		connections int
		targets     []target
	}{
		{64, append([]target{s.bare, s.durable, s.zgoda}, s.nginx...)},
		{256, []target{s.bare, s.durable, s.zgoda}},
	} {
		r, err := s.beside(ctx, o, out, 1, scenario.connections, scenario.targets)
		if err != nil {
			return 0, err
		}
		peak = max(peak, median(r.by[s.zgoda.name], events))
	}
	return peak, nil
}

const profileSeconds = 10

// profiled sends single events once more while the gateway takes a profile of
// itself. The round is in no table, since a profile costs a few percent.
func (s *stage) profiled(ctx context.Context, o options, out *report) error {
	m, content, err := s.underProfiler(ctx, s.closed(o, 1, o.connections, s.run()))
	if err != nil {
		return err
	}
	samples, err := profile.Read(content)
	if err != nil {
		return err
	}
	count := m.Result.EventsPerSecond() * profileSeconds
	stages := profile.StagesText(samples, count)
	out.add("\n## Where the gateway's time goes, single events, %d connections, %d s under the profiler\n\n```\n%s```\n", o.connections, profileSeconds, stages)
	return o.keepProfile(stages + "\n" + profile.TopText(samples, count, 40))
}

// keepProfile writes the whole profile beside the report.
func (o options) keepProfile(text string) error {
	if o.results == "" {
		return nil
	}
	if err := os.MkdirAll(o.results, 0o755); err != nil { //nolint:gosec // reports are for everyone
		return fmt.Errorf("make the folder of results: %w", err)
	}
	head := fmt.Sprintf("CPU profile of the gateway, single events, closed loop, %d connections.\n\n", o.connections)
	if err := os.WriteFile(o.path("-profile.txt"), []byte(head+text), 0o644); err != nil { //nolint:gosec // a report is for everyone
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

// batches measures batches of 10, 100 and 1,000, and what can be sustained.
func (s *stage) batches(ctx context.Context, o options, out *report) error {
	hundred, err := s.beside(ctx, o, out, 100, 32, []target{s.bare, s.durable, s.zgoda})
	if err != nil {
		return err
	}
	short := o
	short.rounds = 1
	for _, batch := range []struct{ events, connections int }{{10, 64}, {1000, 8}} {
		if _, err := s.beside(ctx, short, out, batch.events, batch.connections, []target{s.bare, s.durable, s.zgoda}); err != nil {
			return err
		}
	}
	return s.sustained(ctx, o, out, median(hundred.by[s.zgoda.name], events))
}
