package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"zgoda/bench/procfs"
	"zgoda/bench/profile"
)

// instruments measures what watching costs at peak: what counting and timing take
// of the gateway's CPU, what a scrape takes, and how far rounds that are scraped
// each second differ from rounds that are not, or from those of another build.
func instruments(ctx context.Context, o options) (err error) {
	out := &report{}
	out.add("# The cost of watching, %s\n\n%s.\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), procfs.Machine())
	s, err := newGatewayStage(ctx, o, "--cpu-profile")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, _, err := s.fill(ctx, o); err != nil {
		return err
	}
	plain := s.zgoda
	if o.other != "" {
		if plain, err = s.beginOther(ctx, o); err != nil {
			return err
		}
	}
	does := func(part string) bool { return o.only == "" || o.only == part }
	peak := 0.0
	if does("profile") {
		if peak, err = s.watched(ctx, o, out, 1, o.rounds); err != nil {
			return err
		}
	}
	if does("batch") {
		if _, err := s.watched(ctx, o, out, 100, 1); err != nil {
			return err
		}
	}
	if does("scrape") {
		if err := s.scrapes(ctx, out, peak); err != nil {
			return err
		}
	}
	if does("keyholder") {
		if err := s.keyholderWatched(ctx, o, out); err != nil {
			return err
		}
	}
	if does("pairs") {
		if err := s.pairs(ctx, o, out, plain); err != nil {
			return err
		}
	}
	return out.write(o)
}

// beginOther starts another build beside the one that is measured, which knows the
// same visitors.
func (s *stage) beginOther(ctx context.Context, o options) (target, error) {
	g, err := startGateway(o.other, filepath.Join(s.dir, "other"))
	if err != nil {
		return target{}, err
	}
	s.closers = append(s.closers, g.stop)
	other := &stage{dir: s.dir, zgoda: gatewayTarget(g)}
	if other.cookies, err = g.cookies(ctx); err != nil {
		return target{}, err
	}
	_, _, err = other.fill(ctx, o)
	return other.zgoda, err
}

// watched takes profiles under single events or batches, scraped each second, and
// returns how many seconds of CPU the gateway used in a second.
func (s *stage) watched(ctx context.Context, o options, out *report, batch, times int) (float64, error) {
	var samples []profile.Sample
	var sent float64
	for range times {
		m, content, err := s.underProfiler(ctx, s.closed(o, batch, max(o.connections/batch, o.connections/4), s.run()))
		if err != nil {
			return 0, err
		}
		taken, err := profile.Read(content)
		if err != nil {
			return 0, err
		}
		samples = append(samples, taken...)
		sent += m.Result.EventsPerSecond() * profileSeconds
	}
	parts, all := profile.Watching(samples)
	seconds := float64(profileSeconds * times)
	out.add("\n## %s at peak: %s events/s, %.0f s under the profiler, scraped each second\n", map[bool]string{true: "Batches of 100", false: "Single events"}[batch > 1], thousands(sent/seconds), seconds)
	out.watching("the gateway", parts, all, sent)
	return all.Seconds() / seconds, nil
}

// watching adds what each kind of watching took of a process, scraped each second.
func (r *report) watching(process string, parts []profile.Part, all time.Duration, sent float64) {
	r.head("what", "ns/event", "of "+process+"'s CPU")
	row := func(name string, cpu time.Duration) {
		r.row(name, fmt.Sprintf("%.0f", cpu.Seconds()*1e9/sent), percent(cpu, all))
	}
	var sum, scraping time.Duration
	for _, p := range parts {
		sum += p.CPU
		if p.Name == profile.Scraping {
			scraping = p.CPU
		}
		row(p.Name, p.CPU)
	}
	row("**all of it, scraped each second**", sum)
	row("**all of it, scraped every 15 seconds**", sum-scraping*14/15)
	row(process, all)
}

func percent(part, whole time.Duration) string {
	return fmt.Sprintf("%.2f %%", 100*part.Seconds()/max(whole.Seconds(), 1e-9))
}

const scrapeTimes = 200

// scrapes asks for the metrics again and again as a Prometheus does, with nothing
// else to do, and says what one takes. peak is the gateway's CPU seconds a second
// at peak, 0 where that is not known.
func (s *stage) scrapes(ctx context.Context, out *report, peak float64) error {
	g := s.zgoda.gateway
	for _, p := range []struct {
		name, address string
		pid           int
	}{{"gateway", g.ops, g.pid()}, {"keyholder", g.keys, procfs.Child(g.pid(), "zgoda-keyholder")}} {
		one, err := scrapesOf(ctx, p.pid, p.address)
		if err != nil {
			return err
		}
		out.add("\n## One scrape of the %s\n\n%d scrapes in a row, each as Prometheus asks (OpenMetrics, %d KiB), at rest: %.2f ms of CPU each, %.2f ms until it is answered.\n",
			p.name, scrapeTimes, one.bytes>>10, 1e3*one.cpu, 1e3*one.took)
		if peak > 0 && p.name == "gateway" {
			out.head("every", "of the gateway's CPU at peak")
			for _, every := range []float64{1, 15} {
				out.row(fmt.Sprintf("%.0f s", every), fmt.Sprintf("%.3f %%", 100*one.cpu/every/peak))
			}
		}
	}
	return nil
}

// scrapeCost is what one scrape takes: seconds of CPU, seconds, bytes.
type scrapeCost struct {
	cpu, took float64
	bytes     int64
}

func scrapesOf(ctx context.Context, pid int, address string) (one scrapeCost, err error) {
	at, before := time.Now(), procfs.CPUOf(pid)
	select { // what it does anyway
	case <-ctx.Done():
		return one, ctx.Err()
	case <-time.After(5 * time.Second):
	}
	idle := procfs.CPUOf(pid).Sub(before).Total().Seconds() / time.Since(at).Seconds()
	at, before = time.Now(), procfs.CPUOf(pid)
	for range scrapeTimes {
		if one.bytes, err = likePrometheus(ctx, address); err != nil {
			return one, err
		}
	}
	took := time.Since(at).Seconds()
	one.cpu, one.took = (procfs.CPUOf(pid).Sub(before).Total().Seconds()-idle*took)/scrapeTimes, took/scrapeTimes
	return one, nil
}

// likePrometheus scrapes with the headers of a Prometheus 2.42 and returns how many
// bytes came.
func (g *gateway) likePrometheus(ctx context.Context) (int64, error) {
	return likePrometheus(ctx, g.ops)
}

func likePrometheus(ctx context.Context, address string) (int64, error) {
	//nolint:gosec // the address is a child's
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // the same
	if err != nil {
		return 0, fmt.Errorf("scrape the metrics: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the metrics answer %d", resp.StatusCode)
	}
	return io.Copy(io.Discard, resp.Body)
}

// pairs sends single events in turn to the gateway that is scraped each second and
// to the plain one, which is not, and says how far their CPU for an event differs.
// Which of the two is first changes from pair to pair. They are sent at half of the
// peak: in a closed loop the CPU for an event is another in each round, by more than
// what is looked for, since what is stored meanwhile is.
func (s *stage) pairs(ctx context.Context, o options, out *report, plain target) error {
	what := "the same one"
	if o.other != "" {
		what = "the build of -other"
	}
	peak, err := s.most(ctx, o, 1, o.connections)
	if err != nil {
		return err
	}
	rate := peak / 2
	out.add("\n## Pairs of rounds of %v, single events, %s/s, random arrivals: scraped each second, beside %s and not scraped\n", o.round, thousands(rate), what)
	out.head("pair", "watched us/event", "not watched us/event", "more by", "watched events/s", "not watched events/s")
	var more []float64
	for i := range o.rounds {
		order := s.open(o, 1, o.connections, s.run(), rate, o.round)
		var both [2]measured
		for _, n := range []int{i % 2, 1 - i%2} {
			var err error
			if n == 0 {
				both[n], err = s.zgoda.alone(ctx, order, true)
			} else {
				order.Mix.Run = s.run()
				both[n], err = plain.alone(ctx, order, false)
			}
			if err != nil {
				return err
			}
		}
		a, b := both[0].serverCPU(), both[1].serverCPU()
		more = append(more, 100*(a-b)/b)
		out.row(fmt.Sprint(i+1), micros(a), micros(b), fmt.Sprintf("%+.1f %%", more[i]), thousands(events(both[0])), thousands(events(both[1])))
	}
	slices.Sort(more)
	if n := len(more); n >= 5 {
		out.add("\nMedian of the differences: %+.1f %%; its 90 %% interval by order: %+.1f to %+.1f %%.\n", (more[(n-1)/2]+more[n/2])/2, more[orderOf(n)], more[n-1-orderOf(n)])
	}
	return nil
}

// orderOf returns which of n sorted values the interval of their median begins
// with, so that it holds the median in at least nine of ten cases.
func orderOf(n int) int {
	tail, term := 0.0, 1.0
	for range n {
		term /= 2
	}
	for k := 0; ; k++ {
		if tail += term; 2*tail > .1 {
			return max(0, k-1)
		}
		term = term * float64(n-k) / float64(k+1)
	}
}

// alone is measure without the benchmark's own looks at the metrics.
func (t target) alone(ctx context.Context, o order, scraped bool) (measured, error) {
	quiet := t
	quiet.gateway = nil
	looks, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var failed error
	m, err := quiet.whileSending(ctx, o, func() {
		if !scraped {
			return
		}
		wg.Go(func() {
			for tick := time.Tick(time.Second); ; {
				if _, err := t.gateway.likePrometheus(looks); err != nil && looks.Err() == nil {
					failed = err
				}
				select {
				case <-looks.Done():
					return
				case <-tick:
				}
			}
		})
	})
	cancel()
	wg.Wait()
	if err := errors.Join(err, failed); err != nil {
		return m, err
	}
	if _, _, err := t.gateway.drained(ctx); err != nil {
		return m, err
	}
	return m, t.gateway.merged(ctx)
}
