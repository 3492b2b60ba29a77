package gateway

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// door accepts connections, no more from one address than it may have open, and
// makes them linger at their end.
type door struct {
	net.Listener
	gateway   *Gateway
	deadlines *deadlines
	full      []byte        // the answer to one connection too many
	telling   chan struct{} // how many are being told so at once
	told      sync.WaitGroup

	mu   sync.Mutex
	open map[netip.Addr]int
}

// maxTelling bounds the refusals that are being told; the rest are only closed.
const maxTelling = 64

func newDoor(l net.Listener, g *Gateway) *door {
	const body = `{"type":"about:blank","title":"Too many connections are open from this address","status":429}`
	full := []string{
		"HTTP/1.1 429 Too Many Requests", "Content-Type: application/problem+json", "Cache-Control: no-store",
		"Retry-After: " + strconv.Itoa(max(1, int(g.config.RetryAfter/time.Second))), "Connection: close",
		"X-Content-Type-Options: nosniff", "Content-Length: " + strconv.Itoa(len(body)), "", body,
	}
	return &door{
		Listener: l, gateway: g, deadlines: newDeadlines(g.config), full: []byte(strings.Join(full, "\r\n")),
		telling: make(chan struct{}, maxTelling), open: map[netip.Addr]int{},
	}
}

// Accept waits for a connection that may come in.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := peerOf(c.RemoteAddr())
		if d.gateway.unbounded(peer) {
			return &lingerer{Conn: d.deadlines.watch(c)}, nil
		}
		from := network(peer)
		if d.enter(from) {
			return &lingerer{Conn: d.deadlines.watch(c), gone: func() { d.leave(from) }}, nil
		}
		d.gateway.metrics.crowded.Inc()
		d.refuse(c)
	}
}

// unbounded says whether a peer may open as many connections as it likes.
func (g *Gateway) unbounded(peer netip.Addr) bool {
	return !peer.IsValid() || g.trusted(peer) || (peer.IsLoopback() && !g.config.LimitLoopback)
}

func (d *door) enter(from netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[from] >= d.gateway.config.MaxConnectionsPerAddress {
		return false
	}
	d.open[from]++
	return true
}

func (d *door) leave(from netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[from]--; d.open[from] <= 0 {
		delete(d.open, from)
	}
}

// refuse tells a connection that it is one too many, and why, if that can be
// done without keeping many of them.
func (d *door) refuse(c net.Conn) {
	select {
	case d.telling <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	d.told.Go(func() {
		defer func() { <-d.telling }()
		_ = c.SetDeadline(time.Now().Add(lingerFor))
		l := &lingerer{Conn: c}
		if _, err := c.Write(d.full); err == nil {
			lingerAtClose(l)
		}
		_ = l.Close()
	})
}

// wait returns when the last refusal has been told.
func (d *door) wait() { d.told.Wait() }
