package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"zgoda/bench/load"
	"zgoda/bench/procfs"
)

// cold measures what an identifier costs that the gateway does not know, beside single
// events: a known visitor, a new one and a new contact in turn, each so often a second,
// on connections of their own. First beside half of the events that it takes at most,
// which keeps the processors busier than half, since at most more go together; then
// beside so many that the processors are half busy.
func cold(ctx context.Context, o options) (err error) {
	out := &report{}
	o.title(out, "New identifiers at half load")
	s, err := newGatewayStage(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, _, err := s.fill(ctx, o); err != nil {
		return err
	}
	peak, err := s.most(ctx, o, 1, 256)
	if err != nil {
		return err
	}
	half, err := s.halfBusy(ctx, o, peak/2)
	if err != nil {
		return err
	}
	err = s.coldBeside(ctx, o, out, peak/2, fmt.Sprintf("half of the %s/s that a closed loop of 256 connections got", thousands(peak)))
	if err != nil {
		return err
	}
	if err := s.coldBeside(ctx, o, out, half, "so many that the processors are about half busy"); err != nil {
		return err
	}
	return out.write(o)
}

// halfBusy looks for how many events a second keep the processors half busy, beside
// what is asked of new identifiers, from a first guess on.
func (s *stage) halfBusy(ctx context.Context, o options, rate float64) (float64, error) {
	for range 4 {
		b, err := s.askNew(ctx, o, rate, 5*time.Second)
		if err != nil {
			return 0, err
		}
		if math.Abs(b.busy-0.5) < 0.03 {
			break
		}
		rate *= 0.5 / max(b.busy, 0.1)
	}
	return rate, nil
}

// asked is what was measured beside a load.
type asked struct {
	measured
	prober *prober
	busy   float64 // the processors, 0 to 1
	stood  string  // for how long the machine itself stood still
}

// askNew asks about new identifiers beside so many events a second.
func (s *stage) askNew(ctx context.Context, o options, rate float64, length time.Duration) (b asked, err error) {
	p := &prober{address: s.zgoda.address, number: s.run(), client: &http.Client{Timeout: 10 * time.Second}}
	defer p.client.CloseIdleConnections()
	p.send(ctx, 0, 0) // known from now on
	var probing sync.WaitGroup
	within, stop := context.WithTimeout(ctx, length)
	defer stop()
	var stood <-chan string
	var before, after procfs.Times
	m, err := s.zgoda.whileSending(ctx, s.open(o, 1, 256, s.run(), rate, length), func() {
		stood = standing(within, length-time.Second)
		probing.Go(func() {
			before = procfs.Processors()
			p.run(within)
			after = procfs.Processors()
		})
	})
	probing.Wait()
	if err != nil {
		return asked{}, err
	}
	if p.failed > 0 || p.took[2].Count() == 0 {
		return asked{}, fmt.Errorf("%d of the requests were not answered 2xx", p.failed)
	}
	return asked{m, p, after.Busy(before), <-stood}, nil
}

// coldBeside adds what new identifiers cost beside so many events a second.
func (s *stage) coldBeside(ctx context.Context, o options, out *report, rate float64, which string) error {
	b, err := s.askNew(ctx, o, rate, coldFor)
	if err != nil {
		return err
	}
	out.add("\n## beside %s events/s for %v, %s: the processors %.0f %% busy; each of the three %d times a second\n",
		thousands(events(b.measured)), coldFor, which, 100*b.busy, coldRate)
	out.head("", "sent", "p50", "p99", "max", "added at p50", "added at p99")
	known := b.prober.took[0].Latency()
	for i, name := range coldNames {
		l := b.prober.took[i].Latency()
		out.row(name, thousands(float64(b.prober.took[i].Count())), millis(l.P50), millis(l.P99), millis(l.Max), millis(l.P50-known.P50), millis(l.P99-known.P99))
	}
	out.add("\n%s\n", b.stood)
	coldParts(out, b.measured)
	coldShares(out, b.measured, b.prober)
	return nil
}

// coldParts adds how long requests waited for what was not in memory, those of the
// load too, and which part of a batch took how long, by the gateway's own histograms.
func coldParts(out *report, m measured) {
	out.head("in the gateway, of all requests", "how many", "p50", "p90", "p99")
	row := func(name, metric, labels string) {
		h := m.end.histogram(m.begin, metric, labels)
		out.row(name, thousands(h.count()), millis(h.quantile(0.5)), millis(h.quantile(0.9)), millis(h.quantile(0.99)))
	}
	for _, lane := range []struct{ label, name string }{{"small", "nobody made"}, {"made", "contacts made"}} {
		row("a request waited, "+lane.name, "zgoda_subjects_wait_seconds", `lane="`+lane.label+`"`)
		for _, part := range []string{"gather", "keyholder", "store"} {
			row("its batch: "+part, "zgoda_subjects_load_part_seconds", `lane="`+lane.label+`",part="`+part+`"`)
		}
	}
}

// coldShares adds what of the machine each process had while it was measured.
func coldShares(out *report, m measured, p *prober) {
	out.head("process", "of one core")
	share := func(name string, c time.Duration) {
		out.row(name, fmt.Sprintf("%.0f %%", 100*c.Seconds()/m.Result.Elapsed.Seconds()))
	}
	for _, name := range []string{"gateway", "keyholder", "engine"} {
		share(name, m.cpu[name].Total())
	}
	share("generator", m.CPU.Total())
	share("prober", p.cpu)
}

const (
	coldFor  = 30 * time.Second
	coldRate = 100 // of each kind a second
)

var coldNames = [...]string{"known visitor", "new visitor", "new contact, made"}

// prober sends single events and times their answers.
type prober struct {
	address string
	number  uint64 // of this run, for names of its own
	client  *http.Client
	mu      sync.Mutex
	took    [len(coldNames)]load.Histogram
	failed  int
	cpu     time.Duration // what its process used meanwhile
}

func (p *prober) run(ctx context.Context) {
	before := usage().Total()
	defer func() { p.cpu = usage().Total() - before }()
	tick := time.NewTicker(time.Second / coldRate / time.Duration(len(coldNames)))
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		wg.Go(func() {
			took, ok := p.send(context.WithoutCancel(ctx), n%len(coldNames), n)
			p.mu.Lock()
			defer p.mu.Unlock()
			if !ok {
				p.failed++
				return
			}
			p.took[n%len(coldNames)].Record(took)
		})
	}
}

func (p *prober) send(ctx context.Context, what, n int) (took time.Duration, ok bool) {
	who := fmt.Sprintf(`"anonymousId":"cold-%d-%d-%d"`, p.number, what, n)
	switch what {
	case 0:
		who = `"anonymousId":"cold-known"`
	case 2:
		who = fmt.Sprintf(`"userId":"cold-contact-%d-%d"`, p.number, n)
	}
	body := fmt.Sprintf(`{"type":"track","event":"Cold",%s,"consent":{"analytics":true,"profiling":true}}`, who)
	begin := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+"/v1/track", strings.NewReader(body))
	if err != nil {
		return 0, false
	}
	key := siteKey
	if what == 2 {
		key = siteSecret
	} else {
		req.Header.Set("Origin", siteOrigin)
	}
	req.SetBasicAuth(key, "")
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	_, err = io.Copy(io.Discard, resp.Body)
	return time.Since(begin), err == nil && resp.StatusCode/100 == 2
}
