package writer

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is a TCP line to the engine that a test can cut.
type line struct {
	address string
	inserts atomic.Int32 // INSERT statements that went through
	cut     atomic.Bool  // cut the line as soon as an INSERT's rows follow
	down    atomic.Bool  // nobody is at the other end
	slow    atomic.Bool  // a hundred bytes each millisecond

	mu    sync.Mutex
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{address: listener.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err == nil && l.down.Load() {
				_ = server.Close()
				err = net.ErrClosed
			}
			if err != nil {
				_ = client.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, client, server)
			l.mu.Unlock()
			wg.Go(func() { l.relay(client, server) })
			wg.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); l.hangUp(); wg.Wait() })
	return l
}

// relay passes on what the client sends. With cut set the rows arrive, and the
// answer to them does not.
func (l *line) relay(client, server net.Conn) {
	defer func() { _ = server.Close() }()
	buf := make([]byte, 64<<10)
	inserting := false
	for {
		part := buf
		if l.slow.Load() {
			part = buf[:100]
			time.Sleep(time.Millisecond) // the slowness under test
		}
		n, err := client.Read(part)
		if n > 0 {
			if inserting && l.cut.Load() {
				_ = client.Close()
			}
			if bytes.Contains(buf[:n], []byte("INSERT INTO")) {
				l.inserts.Add(1)
				inserting = true
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}
