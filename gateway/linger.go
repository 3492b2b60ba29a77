package gateway

import (
	"io"
	"net"
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

// lingering makes connections that can linger.
type lingering struct{ net.Listener }

// Accept waits for a connection.
func (l lingering) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lingerer{Conn: c}, nil
}

type lingerer struct {
	net.Conn
	linger atomic.Bool
}

// lingerAtClose marks a connection whose request was refused before its end.
func lingerAtClose(c net.Conn) {
	if l, ok := c.(*lingerer); ok {
		l.linger.Store(true)
	}
}

// Close closes the connection, after lingering if it was told to.
func (l *lingerer) Close() error {
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if ok && l.linger.CompareAndSwap(true, false) && half.CloseWrite() == nil {
		_ = l.SetReadDeadline(time.Now().Add(lingerFor))
		_, _ = io.CopyN(io.Discard, l.Conn, lingerBytes)
	}
	return l.Conn.Close()
}
