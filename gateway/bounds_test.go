package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/collector"
)

// dial opens a connection and sends a text.
func (h *house) dial(tb testing.TB, text string) net.Conn {
	tb.Helper()
	c, err := net.Dial("tcp", hostOf(h))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		tb.Fatal(err)
	}
	return c
}

// metric returns the value of a series, by its only label's value.
func (h *house) metric(tb testing.TB, name, label string) float64 {
	tb.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || (label != "" && (len(m.GetLabel()) != 1 || m.GetLabel()[0].GetValue() != label)) {
				continue
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	tb.Fatalf("no series %s %s", name, label)
	return 0
}

// until polls, since nothing tells from outside that the server has read what
// was sent.
func until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			tb.Fatalf("never: %s", what)
		}
	}
}

func announce(path string, length int) string {
	return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n"
}

// TestAnnouncedIsNotAllocated: 500 connections announce 1 GB together.
func TestAnnouncedIsNotAllocated(t *testing.T) {
	h := open(t, nil)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const count = 500
	for i := range count {
		head := announce("/v1/batch", 2<<20)
		if i%2 == 1 { // a chunk announces as much
			head = "POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1FFF00\r\n"
		}
		h.dial(t, head+strings.Repeat("x", freeBytes+1))
	}
	until(t, "every body is being read", func() bool { return h.metric(t, "zgoda_gateway_requests_in_flight", "") == count })
	if grown := int64(heap()) - int64(before); grown > count*100<<10 {
		t.Errorf("%d MB for what was only announced", grown>>20)
	}
	if held := h.bodies.held.Load(); held > count*freeBytes {
		t.Errorf("%d bytes are counted", held)
	}
}

func TestBodyMemoryIsBounded(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxBodyBytes = 64 << 10; c.MaxBodyMemory = 128 << 10 })
	held := func() int64 { return h.bodies.held.Load() }
	long := strings.Repeat("x", 60<<10)
	var waiting []net.Conn
	for range 2 {
		waiting = append(waiting, h.dial(t, announce("/v1/batch", len(long))+long[:len(long)-1]))
	}
	until(t, "two bodies are held", func() bool { return held() > 100<<10 })
	r := h.send(t, "POST", "/v1/batch", long, "Origin", origin)
	r.problem(t, 503, "")
	if r.header.Get("Retry-After") != "2" || r.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("%v", r.header)
	}
	if r := h.send(t, "POST", "/v1/track", "{}"); r.status != 200 {
		t.Errorf("a small body meanwhile: %d", r.status)
	}
	if shown, limit := h.metric(t, "zgoda_gateway_body_bytes", ""), h.metric(t, "zgoda_gateway_body_bytes_limit", ""); shown != float64(held()) || limit != 128<<10 || shown > limit {
		t.Errorf("%v of %v held", shown, limit)
	}
	if n := h.metric(t, "zgoda_gateway_unreadable_requests_total", "no_memory"); n != 1 {
		t.Errorf("%v counted", n)
	}
	for _, c := range waiting {
		_, _ = io.WriteString(c, "x")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != 200 {
			t.Errorf("a body that was held: %v", err)
			continue
		}
		_ = answer.Body.Close()
	}
	until(t, "all is given back", func() bool { return held() == 0 })
}

// What a body becomes counts too.
func TestUnpackedIsCounted(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxBodyBytes = 64 << 10; c.MaxBodyMemory = 128 << 10 })
	entered, leave := make(chan struct{}, 3), make(chan struct{})
	h.fake.answer = func(_ *collector.Request, a *collector.Answer) {
		entered <- struct{}{}
		<-leave
		a.Status = 200
	}
	bomb := zipped(strings.Repeat(" ", 60<<10))
	done := make(chan int, 2)
	for range 2 {
		go func() {
			done <- h.send(t, "POST", "/v1/batch", string(bomb), "Content-Encoding", "gzip").status
		}()
		<-entered
	}
	h.send(t, "POST", "/v1/batch", string(bomb), "Content-Encoding", "gzip").problem(t, 503, "")
	close(leave)
	for range 2 {
		if status := <-done; status != 200 {
			t.Errorf("%d", status)
		}
	}
	until(t, "all is given back", func() bool { return h.bodies.held.Load() == 0 })
}

func TestLimitOfEachRoute(t *testing.T) {
	h := open(t, nil)
	for path, most := range map[string]int{
		"/consent": 8 << 10, "/v1/track": 64 << 10, "/v1/t": 64 << 10, "/v1/identify": 64 << 10,
		"/v1/batch": 2 << 20, "/v1/b": 2 << 20, "/e": 2 << 20,
	} {
		for size, status := range map[int]int{most: 200, most + 1: 413} {
			body := strings.Repeat("x", size)
			for name, r := range map[string]reply{
				"plain": h.send(t, "POST", path, body),
				"gzip":  h.send(t, "POST", path, string(zipped(body)), "Content-Encoding", "gzip"),
			} {
				if r.status != status && (status != 200 || r.status != 204) {
					t.Errorf("%s, %s, %d bytes: %d", path, name, size, r.status)
				}
			}
			if size == most && path != "/consent" {
				if got := h.fake.last(t).body; got != body {
					t.Errorf("%s: %d bytes became %d", path, size, len(got))
				}
			}
		}
	}
}

// Bodies of all lengths, in pieces of all lengths, arrive as they were sent, and
// what follows on the connection is the next request.
func TestBodiesArriveWhole(t *testing.T) {
	h := open(t, nil)
	c := h.dial(t, "")
	answers := bufio.NewReader(c)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 100, freeBytes - 1, freeBytes, freeBytes + 1, 3 * freeBytes, 100 << 10}).Draw(rt, "size")
		piece := rapid.IntRange(1, 40<<10).Draw(rt, "piece")
		body := strings.Repeat("abcdefg", size/7+1)[:size]
		var b bytes.Buffer
		if rapid.Bool().Draw(rt, "chunked") {
			b.WriteString("POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
			for rest := body; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				fmt.Fprintf(&b, "%x\r\n%s\r\n", min(piece, len(rest)), rest[:min(piece, len(rest))])
			}
			b.WriteString("0\r\n\r\n")
		} else {
			b.WriteString(announce("/e", size) + body)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute)) // a hundred thousand chunks take a while under the race detector
		go func() { _, _ = c.Write(b.Bytes()) }()
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			rt.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := h.fake.last(t).body; answer.StatusCode != 204 || got != body {
			rt.Fatalf("%d, %d bytes became %d", answer.StatusCode, size, len(got))
		}
	})
}

// What nobody read of a body is not the next request.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	h := open(t, nil)
	hidden := "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
	for name, path := range map[string]string{"not found": "/nothing", "not allowed": "/z.js", "refused": "/consent"} {
		pad := strings.Repeat("x", 9<<10)
		body := strings.Repeat(hidden, 3)
		c := h.dial(t, announce(path, len(pad)+len(body))+pad+body)
		all, _ := io.ReadAll(c)
		if n := bytes.Count(all, []byte("HTTP/1.1 ")); n != 1 || h.fake.count() != 0 {
			t.Errorf("%s: %d answers, %d events", name, n, h.fake.count())
		}
	}
	// Cut between two chunks.
	c := h.dial(t, "POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(c)
	if !bytes.HasPrefix(all, []byte("HTTP/1.1 400 ")) || h.fake.count() != 0 {
		t.Errorf("half a body: %.20q, %d events", all, h.fake.count())
	}
}

// Who asks first whether to send a body is not told to send one that is too large.
func TestExpect(t *testing.T) {
	h := open(t, nil)
	for length, want := range map[int][]string{10 << 20: {"413"}, 10: {"100", "204"}, 20 << 10: {"100", "204"}} {
		c := h.dial(t, strings.Replace(announce("/e", length), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
		answers := bufio.NewReader(c)
		for i, status := range want {
			line, err := answers.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+status) {
				t.Errorf("%d bytes: %q %v", length, line, err)
				break
			}
			if i == 0 && status == "100" {
				_, _ = answers.ReadString('\n')
				_, _ = io.WriteString(c, strings.Repeat("x", length))
			}
		}
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxConnectionsPerAddress = 3; c.LimitLoopback = true })
	var held []net.Conn
	for range 3 {
		c := h.dial(t, "GET /.well-known/gpc.json HTTP/1.1\r\nHost: a\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%v", err)
		}
		_ = answer.Body.Close()
		held = append(held, c)
	}
	const ask = "GET /.well-known/gpc.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	all, _ := io.ReadAll(h.dial(t, ask))
	for _, part := range []string{"HTTP/1.1 429 ", "\r\nRetry-After: 2\r\n", "application/problem+json", `"status":429}`} {
		if !bytes.Contains(all, []byte(part)) {
			t.Errorf("the fourth is told %q, without %q", all, part)
		}
	}
	if n := h.metric(t, "zgoda_gateway_limited_total", "connections"); n != 1 {
		t.Errorf("%v counted", n)
	}
	_ = held[0].Close()
	until(t, "a place is free", func() bool {
		all, _ := io.ReadAll(h.dial(t, ask))
		return bytes.HasPrefix(all, []byte("HTTP/1.1 200 "))
	})
}

func TestProxiesAreNotBounded(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a proxy": func(c *Config) {
			c.LimitLoopback = true
			c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		},
		"loopback": func(*Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, func(c *Config) { c.MaxConnectionsPerAddress = 1; change(c) })
			for range 5 {
				c := h.dial(t, "GET /.well-known/gpc.json HTTP/1.1\r\nHost: a\r\n\r\n")
				answer, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || answer.StatusCode != 200 {
					t.Fatalf("%v", err)
				}
				_ = answer.Body.Close()
			}
		})
	}
}
