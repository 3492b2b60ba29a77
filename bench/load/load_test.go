package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// numbered is a source whose bodies are the numbers from 1.
type numbered struct{ last int }

func (s *numbered) Next(time.Time) *Request {
	s.last++
	body := fmt.Sprint(s.last)
	return &Request{Bytes: fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body), Events: 2}
}

// serve answers with handler until the test ends.
func serve(t *testing.T, handler fasthttp.RequestHandler) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close() // Shutdown alone misses a server that has not begun to serve
		if err := <-done; err != nil {
			t.Log(err) // the same
		}
		_ = server.Shutdown() // says that the listener is closed
	})
	return l.Addr().String()
}

func TestClosedLoopSendsEachOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	address := serve(t, func(ctx *fasthttp.RequestCtx) {
		mu.Lock()
		seen[string(ctx.PostBody())]++
		mu.Unlock()
		ctx.SetStatusCode(fasthttp.StatusNoContent)
	})
	told := 0
	r, err := Run(t.Context(), Config{Address: address, Connections: 7, Duration: time.Minute, Requests: 500, Grace: time.Minute}, &numbered{}, func() { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 500 || r.Events != 1000 || r.Sent != 500 || r.Unanswered != 0 || r.Broken != 0 || r.RefusedTotal() != 0 || told != 1 {
		t.Errorf("%+v, measuring told %d times", r, told)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 500 || seen["500"] != 1 || r.Histogram.Count() != 500 {
		t.Errorf("the server saw %d different requests, %d latencies were recorded", len(seen), r.Histogram.Count())
	}
}

// TestOpenLoopCountsAStall: while the server answers nothing, requests go on
// being due, and each one's latency holds what it waited. A closed loop would
// have seen the stall once for each connection only.
func TestOpenLoopCountsAStall(t *testing.T) {
	const stall, due, connections = 500 * time.Millisecond, 100, 4
	var first atomic.Int64
	address := serve(t, func(ctx *fasthttp.RequestCtx) {
		first.CompareAndSwap(0, time.Now().UnixNano())
		<-time.After(stall - time.Since(time.Unix(0, first.Load())))
	})
	// All are due in the first half of the stall.
	r, err := Run(t.Context(), Config{Address: address, Connections: connections, Duration: stall / 2, Rate: due / (stall / 2).Seconds(), Grace: time.Minute}, &numbered{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != due || r.Unanswered != 0 {
		t.Fatalf("%d accepted, %d unanswered, of %d due", r.Accepted, r.Unanswered, due)
	}
	// The least that any of them can have waited is the second half.
	if least := r.Histogram.Quantile(0.001); least < stall/2 {
		t.Errorf("a request has waited %v only, and the server had stalled for %v more", least, stall/2)
	}
	if r.Lag.P50 == 0 || r.Latency.Max < stall {
		t.Errorf("lag %v, slowest %v", r.Lag, r.Latency.Max)
	}
}

// TestUnansweredCounts: what is never answered is neither accepted nor forgotten.
func TestUnansweredCounts(t *testing.T) {
	release := make(chan struct{})
	address := serve(t, func(*fasthttp.RequestCtx) { <-release })
	r, err := Run(t.Context(), Config{Address: address, Connections: 3, Duration: 50 * time.Millisecond, Rate: 200, Poisson: true, Seed: 3}, &numbered{}, nil)
	close(release)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 0 || r.Unanswered == 0 || r.Histogram.Count() != uint64(r.Unanswered) {
		t.Errorf("%d accepted, %d unanswered, %d latencies", r.Accepted, r.Unanswered, r.Histogram.Count())
	}
}

// TestRetry: refusals that pass and broken connections are sent again, with the
// same bytes, until they are accepted; other refusals are not.
func TestRetry(t *testing.T) {
	var mu sync.Mutex
	tries, accepted := map[string]int{}, map[string]int{}
	random := rand.New(rand.NewPCG(1, 1))
	address := serve(t, func(ctx *fasthttp.RequestCtx) {
		mu.Lock()
		defer mu.Unlock()
		body := string(ctx.PostBody())
		tries[body]++
		switch luck := random.IntN(4); {
		case body == "13":
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
		case luck == 0 && tries[body] < 5:
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		case luck == 1 && tries[body] < 5:
			ctx.HijackSetNoResponse(true)
			ctx.Hijack(func(net.Conn) {}) // closed without an answer
		default:
			accepted[body]++
		}
	})
	r, err := Run(t.Context(), Config{Address: address, Connections: 5, Duration: time.Minute, Requests: 200, Retry: time.Millisecond, Grace: time.Minute}, &numbered{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if r.Accepted != 199 || len(accepted) != 199 || r.Unanswered != 0 {
		t.Errorf("%d accepted, the server says %d; %d unanswered", r.Accepted, len(accepted), r.Unanswered)
	}
	if r.Refused[503] == 0 || r.Broken == 0 || r.Refused[400] != 1 || r.Resent != r.Refused[503]+r.Broken {
		t.Errorf("refused %v, broken %d, resent %d", r.Refused, r.Broken, r.Resent)
	}
}

// TestRetriesHoldBackNewOnes: while nothing is accepted, no more requests are
// taken from the source than there are connections, twice over.
func TestRetriesHoldBackNewOnes(t *testing.T) {
	var refused atomic.Int64
	address := serve(t, func(ctx *fasthttp.RequestCtx) {
		if refused.Add(1) < 500 {
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		}
	})
	source := &limited{t: t, most: 8}
	r, err := Run(t.Context(), Config{Address: address, Connections: 4, Duration: time.Second / 4, Rate: 2000, Retry: time.Millisecond, Grace: time.Minute}, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Unanswered != 0 || r.Accepted != r.Sent || r.Refused[503] != 499 {
		t.Errorf("%v, %d sent", r, r.Sent)
	}
}

// limited is a source that minds how many requests are in flight.
type limited struct {
	numbered
	t    *testing.T
	most int
	out  []*Request
}

func (s *limited) Next(now time.Time) *Request {
	s.out = slices.DeleteFunc(s.out, func(r *Request) bool { return !r.InFlight() })
	if len(s.out) >= s.most {
		s.t.Errorf("%d are in flight", len(s.out)+1)
	}
	r := s.numbered.Next(now)
	s.out = append(s.out, r)
	return r
}

// TestIdleConnectionsMayEnd: a server may close what has been idle for long, and
// say so first.
func TestIdleConnectionsMayEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	server := &fasthttp.Server{IdleTimeout: time.Minute, Handler: func(*fasthttp.RequestCtx) {}}
	done := make(chan error, 1)
	go func() { done <- server.Serve(impatient{l, &told}) }()
	r, err := Run(t.Context(), Config{Address: l.Addr().String(), Connections: 3, Duration: 300 * time.Millisecond, Rate: 50, Retry: time.Millisecond, Grace: time.Minute}, &numbered{}, nil)
	_ = l.Close()
	if ended := <-done; ended != nil {
		t.Log(ended) // that its listener is closed
	}
	if err != nil {
		t.Fatal(err)
	}
	if told.Load() == 0 || r.Accepted != r.Sent || r.Accepted == 0 || r.Unanswered != 0 {
		t.Errorf("%d connections were ended; %v, %d sent", told.Load(), r, r.Sent)
	}
}

// impatient ends the first connections that it accepts with a 408.
type impatient struct {
	net.Listener
	told *atomic.Int64
}

func (i impatient) Accept() (net.Conn, error) {
	for {
		conn, err := i.Listener.Accept()
		if err != nil || i.told.Load() == 2 {
			return conn, err
		}
		i.told.Add(1)
		_, _ = conn.Write([]byte("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
		_ = conn.Close()
	}
}

func TestEndsWithItsContext(t *testing.T) {
	address := serve(t, func(*fasthttp.RequestCtx) {})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Run(ctx, Config{Address: address, Connections: 1, Duration: time.Hour}, &numbered{}, cancel); err == nil {
		t.Error("the load went to its end")
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]Config{
		"no address":           {Connections: 1, Duration: 1},
		"no connections":       {Address: "x", Duration: 1},
		"no duration":          {Address: "x", Connections: 1},
		"poisson without rate": {Address: "x", Connections: 1, Duration: 1, Poisson: true},
		"negative":             {Address: "x", Connections: 1, Duration: 1, Retry: -1},
	} {
		if c.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestScheduleKeepsItsRate: even and random arrivals both come at the rate.
func TestScheduleKeepsItsRate(t *testing.T) {
	for name, random := range map[string]*rand.Rand{"even": nil, "poisson": rand.New(rand.NewPCG(5, 5))} {
		s := newSchedule(1000, random)
		var last time.Duration
		for range 100_000 {
			next := s.next()
			if next < last {
				t.Fatalf("%s: time went back", name)
			}
			last = next
		}
		if got := last.Seconds(); got < 98 || got > 102 {
			t.Errorf("%s: 100,000 requests at 1,000/s take %.1f s", name, got)
		}
	}
}
