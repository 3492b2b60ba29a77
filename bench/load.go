package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Load is a closed loop: each connection sends its next request when the answer
// to the last one has come (HTTP/1.1, keep-alive, no pipelining).
type Load struct {
	Address     string // host:port
	Path        string
	Connections int
	Duration    time.Duration
	// Body appends the body of the n-th request of a connection.
	Body func(dst []byte, r *rand.Rand, connection, n int) []byte
}

// Result is what a load measured.
type Result struct {
	Requests int
	Refused  int // answers other than 2xx
	Elapsed  time.Duration
	P50      time.Duration
	P99      time.Duration
	P999     time.Duration
}

// PerSecond returns the accepted requests a second.
func (r Result) PerSecond() float64 { return float64(r.Requests-r.Refused) / r.Elapsed.Seconds() }

// Run sends the load and returns when its duration is over or ctx ends.
func (l Load) Run(ctx context.Context) (Result, error) {
	var wg sync.WaitGroup
	tallies := make([]tally, l.Connections)
	begin := time.Now()
	deadline := begin.Add(l.Duration)
	for c := range tallies {
		wg.Go(func() { tallies[c].err = l.connection(ctx, c, deadline, &tallies[c]) })
	}
	wg.Wait()
	res := Result{Elapsed: time.Since(begin)}
	var all []time.Duration
	var errs []error
	for i := range tallies {
		res.Refused += tallies[i].refused
		all = append(all, tallies[i].times...)
		errs = append(errs, tallies[i].err)
	}
	res.Requests = len(all)
	slices.Sort(all)
	if len(all) > 0 {
		res.P50, res.P99, res.P999 = all[len(all)/2], all[len(all)*99/100], all[len(all)*999/1000]
	}
	return res, errors.Join(errs...)
}

type tally struct {
	times   []time.Duration
	refused int
	err     error
}

func (l Load) connection(ctx context.Context, c int, deadline time.Time, t *tally) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be done with it
	in := bufio.NewReaderSize(conn, 4096)
	random := rand.New(rand.NewPCG(uint64(c), 1)) //nolint:gosec // a load, not a secret
	var body, req []byte
	for n := 0; ctx.Err() == nil; n++ {
		body = l.Body(body[:0], random, c, n)
		req = l.request(req[:0], len(body))
		req = append(req, body...)
		sent := time.Now()
		if sent.After(deadline) {
			return nil
		}
		if _, err := conn.Write(req); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		ok, err := answer(in)
		if err != nil {
			return err
		}
		t.times = append(t.times, time.Since(sent))
		if !ok {
			t.refused++
		}
	}
	return nil
}

func (l Load) request(dst []byte, length int) []byte {
	dst = append(dst, "POST "...)
	dst = append(dst, l.Path...)
	dst = append(dst, " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"+
		"Authorization: Basic ZGVtby1rZXk6\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	return append(dst, "\r\n\r\n"...)
}

// answer reads one answer and says whether it was 2xx.
func answer(in *bufio.Reader) (ok bool, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false, fmt.Errorf("read the answer: %w", err)
		}
		if first {
			ok = len(line) > 9 && line[9] == '2'
			continue
		}
		if len(line) <= 2 {
			break
		}
		if value, found := bytes.CutPrefix(line, contentLength); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return false, fmt.Errorf("read the answer's length: %w", err)
			}
		}
	}
	if _, err := in.Discard(length); err != nil {
		return false, fmt.Errorf("read the answer's body: %w", err)
	}
	return ok, nil
}

// contentLength is the header as the servers measured here write it.
var contentLength = []byte("Content-Length:")

// Single returns bodies of single events of visitors drawn by Zipf's law, each
// with a messageId of its own and the consents that store it in scope person.
func Single(run string, visitors uint64) func([]byte, *rand.Rand, int, int) []byte {
	ranks := zipf(visitors)
	return func(dst []byte, r *rand.Rand, c, n int) []byte {
		dst = append(dst, `{"type":"track","event":"Product Viewed","anonymousId":"bench-visitor-`...)
		dst = strconv.AppendUint(dst, ranks[r.IntN(len(ranks))], 16)
		dst = append(dst, `","messageId":"`...)
		dst = append(dst, run...)
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, int64(c), 16)
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, int64(n), 16)
		return append(dst, `","context":{"locale":"pl-PL","page":{"url":"https://shop.example/products/lamp?utm_source=mail","path":"/products/lamp","referrer":"https://search.example/","title":"Lamp"},"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}},"properties":{"sku":"LAMP-7","price":39.9,"currency":"EUR","category":"lamps"}}`...)
	}
}

// zipf draws a table of ranks below n whose frequency falls about as 1/rank, so
// that a load's connections only pick from it.
func zipf(n uint64) []uint64 {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 8, n-1) //nolint:gosec // a load, not a secret
	ranks := make([]uint64, 1<<18)
	for i := range ranks {
		ranks[i] = z.Uint64()
	}
	return ranks
}
