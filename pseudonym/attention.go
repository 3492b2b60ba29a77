package pseudonym

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// looks is how often a reader looks for an answer, others in between, before it
// waits to be woken. Where nobody else wants the processor that is over in some
// tens of microseconds; where many do, it lasts until the answer is there.
const looks = 64

// attention reads answers soon. While a processor has work, Go's scheduler asks the
// network for news when that is done, or after 10 ms, and then puts who is woken
// behind all the others: on a busy gateway an answer of the keyholder lay there for
// 20 ms, and so did the request that waited for it. So while calls are under way,
// the reader does not wait to be woken: it looks, lets others go first, and looks again.
type attention struct {
	calls atomic.Int64 // under way
	on    atomic.Pointer[attentive]
}

// begin is called before a call, and what it returns after it.
func (a *attention) begin() (end func()) {
	a.calls.Add(1)
	if c := a.on.Load(); c != nil {
		c.rouse()
	}
	return a.done
}

func (a *attention) done() { a.calls.Add(-1) }

// wrap makes a new connection the one that is looked at.
func (a *attention) wrap(conn net.Conn) net.Conn {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return conn
	}
	c := &attentive{Conn: conn, raw: raw, of: a}
	c.look = func(fd uintptr) bool {
		c.n, c.err = syscall.Read(int(fd), c.into) // as package net does, for the race detector
		return true
	}
	a.on.Store(c)
	return c
}

// attentive is a connection with such a reader. One goroutine reads it.
type attentive struct {
	net.Conn
	raw    syscall.RawConn
	of     *attention
	asleep atomic.Bool // the reader waits to be woken
	bound  atomic.Bool // a deadline was set by who closes

	look func(fd uintptr) bool // made once; reads into into
	into []byte
	n    int
	err  error
}

// SyscallConn is the connection's own.
func (c *attentive) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }

// Read reads what is there, or waits for it.
func (c *attentive) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		left := looks
		for ; left > 0 && c.of.calls.Load() > 0; left-- {
			if n, err, there := c.read(p); there {
				return n, err
			}
			runtime.Gosched()
		}
		c.asleep.Store(true)
		if left > 0 && c.of.calls.Load() > 0 { // one began just now, and roused nobody
			c.asleep.Store(false)
			continue
		}
		n, err := c.Conn.Read(p)
		c.asleep.Store(false)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.bound.Load() {
			return n, err
		}
		if err := c.Conn.SetReadDeadline(time.Time{}); err != nil { // roused
			return 0, err
		}
	}
}

// read reads what is there, and says whether something was.
func (c *attentive) read(p []byte) (n int, err error, there bool) {
	c.into = p
	err = c.raw.Read(c.look)
	c.into = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && !c.bound.Load():
		return 0, c.Conn.SetReadDeadline(time.Time{}), false // roused a moment too late
	case err != nil:
		return 0, err, true
	case errors.Is(c.err, syscall.EAGAIN), errors.Is(c.err, syscall.EINTR):
		return 0, nil, false
	case c.err != nil:
		return 0, os.NewSyscallError("read", c.err), true
	case c.n == 0:
		return 0, io.EOF, true
	}
	return c.n, nil, true
}

// rouse has the reader look again, if it sleeps.
func (c *attentive) rouse() {
	if c.asleep.CompareAndSwap(true, false) && !c.bound.Load() {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // a closed one needs none
	}
}

// SetReadDeadline is called by who closes the connection, to bound what is left.
func (c *attentive) SetReadDeadline(t time.Time) error {
	c.bound.Store(true)
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline bounds both directions.
func (c *attentive) SetDeadline(t time.Time) error {
	c.bound.Store(true)
	return c.Conn.SetDeadline(t)
}
