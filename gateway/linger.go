package gateway

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An answer that comes before the whole request was read is lost when the
// connection is closed at once: the kernel answers the rest of the request with
// a reset, and the client may never see why it was refused. So such a
// connection is closed for writing first, and what still comes is thrown away
// for a little while.
const (
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 16 << 20
)

type lingerer struct {
	net.Conn
	linger atomic.Bool
	closed sync.Once
	gone   func() // called once; nil: nobody counts
	ended  bool   // the client has sent all that it will; of the reading goroutine
}

// Read reads, and remembers the end.
func (l *lingerer) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.ended = l.ended || errors.Is(err, io.EOF)
	return n, err
}

// cutShort says whether the client ended the connection before what was read
// from it last. A chunked body that was cut between two chunks shows nowhere else.
func cutShort(c net.Conn) bool {
	l, ok := c.(*lingerer)
	return ok && l.ended
}

// lingerAtClose marks a connection whose request was refused before its end.
func lingerAtClose(c net.Conn) {
	if l, ok := c.(*lingerer); ok {
		l.linger.Store(true)
	}
}

// Close closes the connection, after lingering if it was told to.
func (l *lingerer) Close() error {
	if l.gone != nil {
		defer l.closed.Do(l.gone)
	}
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if ok && l.linger.CompareAndSwap(true, false) && half.CloseWrite() == nil {
		_ = l.SetReadDeadline(time.Now().Add(lingerFor))
		_, _ = io.CopyN(io.Discard, l.Conn, lingerBytes)
	}
	return l.Conn.Close()
}
