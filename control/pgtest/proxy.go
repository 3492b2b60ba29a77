package pgtest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy leads from a TCP address of this machine to a server, and can be cut.
type Proxy struct {
	listener net.Listener
	network  string
	to       string // the server's address

	mu    sync.Mutex
	open  map[net.Conn]struct{}
	cut   bool          // connections are closed, and new ones too
	stuck chan struct{} // when set, nothing is passed on until it is closed
	work  sync.WaitGroup
}

// NewProxy makes a proxy before a server, until the test ends.
func NewProxy(tb testing.TB, s *Server) *Proxy {
	tb.Helper()
	return NewProxyTo(tb, "unix", s.Socket())
}

// NewProxyTo makes a proxy before any address, until the test ends.
func NewProxyTo(tb testing.TB, network, address string) *Proxy {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: listener, network: network, to: address, open: map[net.Conn]struct{}{}}
	p.work.Go(p.accept)
	tb.Cleanup(func() {
		_ = listener.Close()
		p.Mend()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut closes every connection, and those to come.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.open {
		_ = c.Close()
	}
}

// Hang passes nothing on any more, and closes nothing.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck == nil {
		p.stuck = make(chan struct{})
	}
}

// Mend undoes Cut and Hang.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	if p.stuck != nil {
		close(p.stuck)
		p.stuck = nil
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), p.network, p.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(client, server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client) })
	both.Go(func() { p.pass(client, server) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, client)
	delete(p.open, server)
}

// keep notes connections to be cut. It is false when they are cut already.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = struct{}{}
	}
	return !p.cut
}

// pass passes on what comes, until either end closes.
func (p *Proxy) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.wait()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) wait() {
	p.mu.Lock()
	stuck := p.stuck
	p.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
}
