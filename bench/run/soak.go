package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// soak sends mixed load at a third of the peak while keyholder and engine are
// killed every few minutes, and fails, with the reason in words, when something
// grows, is lost or comes twice.
func soak(ctx context.Context, o options) (err error) {
	out := &report{}
	o.title(out, fmt.Sprintf("Soak of %v", o.lasts))
	s, err := newGatewayStage(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	visitors, users, err := s.fill(ctx, o)
	if err != nil {
		return err
	}
	peak, err := s.peak(ctx, o)
	if err != nil {
		return err
	}
	accepted := visitors.Result.Events + users.Result.Events + peak.Result.Events
	watcher := newWatcher(s.zgoda.gateway)
	killer := &killer{gateway: s.zgoda.gateway, every: killEvery(o.lasts)}
	sent, err := s.soaked(ctx, o, events(peak), watcher, killer)
	if err != nil {
		return fmt.Errorf("%w\nwhat the gateway said:\n%s", err, s.zgoda.gateway.log)
	}
	for _, m := range sent {
		accepted += m.Result.Events
	}
	return s.judge(ctx, o, out, verdict{peak: events(peak), sent: sent, accepted: accepted, watcher: watcher, killer: killer})
}

// killEvery is how often a process is killed: every four minutes, more often in
// a short run, but never before the last one can be back.
func killEvery(length time.Duration) time.Duration {
	return min(max(length/8, 20*time.Second), 4*time.Minute)
}

// peak is a short closed loop of single events.
func (s *stage) peak(ctx context.Context, o options) (measured, error) {
	one := s.closed(o, 1, 64, s.run())
	one.Load.Warm, one.Load.Duration, one.Load.Retry = 0, 5*time.Second, time.Second
	m, err := s.zgoda.measure(ctx, one)
	if err != nil {
		return m, fmt.Errorf("find the peak: %w", err)
	}
	return m, nil
}

const (
	retryAfter = 500 * time.Millisecond
	soakGrace  = 2 * time.Minute
	// Of the peak of single events: a quarter as singles, and as many events
	// again in batches of 100, which cost about a third each.
	singleShare = 0.25
	batchShare  = 0.25
)

// soaked sends singles and batches side by side for the whole time; what is
// refused for a reason that passes is sent again, as SDKs do.
func (s *stage) soaked(ctx context.Context, o options, peak float64, w *watcher, k *killer) ([]said, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orders := []order{
		s.open(o, 1, 256, s.run(), singleShare*peak, o.lasts),
		s.open(o, 100, 32, s.run(), batchShare*peak/100, o.lasts),
	}
	results := make([]said, len(orders))
	var loads, side errgroup.Group
	for i, one := range orders {
		one.Load.Address, one.Load.Warm, one.Load.Retry, one.Load.Grace = s.zgoda.address, 0, retryAfter, soakGrace
		loads.Go(func() (err error) {
			results[i], err = send(ctx, one, nil)
			return err
		})
	}
	beside, stop := context.WithCancel(ctx)
	side.Go(func() error { return w.run(beside) })
	side.Go(func() error { return k.run(beside, o.lasts-k.every/2) })
	err := loads.Wait()
	stop()
	return results, errors.Join(err, side.Wait())
}

// verdict is what a soak is judged by.
type verdict struct {
	peak     float64
	sent     []said
	accepted int // events, since the gateway's start
	watcher  *watcher
	killer   *killer
}

// judge waits until all is stored, writes the report and says what is wrong.
func (s *stage) judge(ctx context.Context, o options, out *report, v verdict) error {
	var wrong []string
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	drain, last, err := s.zgoda.gateway.drained(ctx)
	if err != nil {
		fault("the spool does not empty: %v", err)
	}
	out.add("\nThe peak was %s single events a second; sent were about a third of it: %s singles and %s events in batches of 100 a second.\n",
		thousands(v.peak), thousands(singleShare*v.peak), thousands(batchShare*v.peak))
	out.head("load", "accepted requests", "accepted events", "refused and sent again", "resent", "p50", "p99", "p99.9", "max")
	for i, m := range v.sent {
		name := []string{"singles", "batches of 100"}[i]
		r := m.Result
		out.row(name, thousands(float64(r.Accepted)), thousands(float64(r.Events)), refusals([]measured{{said: m}}), thousands(float64(r.Resent)),
			millis(r.Latency.P50), millis(r.Latency.P99), millis(r.Latency.P999), millis(r.Latency.Max))
		if r.Accepted != r.Sent || r.Unanswered > 0 {
			fault("%s: of %d requests %d were accepted and %d never answered", name, r.Sent, r.Accepted, r.Unanswered)
		}
		for status, n := range r.Refused {
			if status != 503 && status != 429 && status != 408 {
				fault("%s: %d were answered %d", name, n, status)
			}
		}
	}
	v.killer.report(out, fault)
	v.watcher.report(out, fault)
	if last != nil {
		s.zgoda.gateway.accounts(ctx, out, last, v.accepted, fault)
		out.add("\nThe spool was empty %v after the load; it then held %s.\n", drain.Round(100*time.Millisecond), mebi(int64(last[metricSpool])))
	}
	if len(wrong) == 0 {
		out.add("\nNothing grew, nothing was lost, nothing came twice.\n")
		return out.write(o)
	}
	out.add("\nFailed:\n\n- %s\n", strings.Join(wrong, "\n- "))
	return errors.Join(out.write(o), errors.New("soak: "+strings.Join(wrong, "; ")))
}

// accounts compares what was accepted with the fates and with ClickHouse.
func (g *gateway) accounts(ctx context.Context, out *report, last metrics, accepted int, fault func(string, ...any)) {
	begun, fated := last.balance()
	if begun != fated {
		fault("fates do not balance: %.0f received, %.0f accounted for", begun, fated)
	}
	out.add("\n## At the end\n\n%s events accepted; fates: %s received, %s accounted for: %s stored, %s duplicates, %s refused.\n", thousands(float64(accepted)),
		thousands(begun), thousands(fated), thousands(last[metricStored]), thousands(last["zgoda_events_duplicate_total"]), thousands(last.sum("zgoda_events_refused_total")))
	rows, err := g.sql(ctx, "SELECT count(), uniqExact(cityHash64(message_id)) FROM events")
	if err != nil {
		fault("ClickHouse cannot be asked: %v", err)
		return
	}
	count, different, err := two(rows)
	if err != nil {
		fault("%v", err)
		return
	}
	out.add("ClickHouse holds %s events with %s different message ids.\n", thousands(count), thousands(different))
	if count != different {
		fault("%.0f events are stored twice", count-different)
	}
	if different != float64(accepted) {
		fault("%d events were accepted and %.0f are stored", accepted, different)
	}
}
