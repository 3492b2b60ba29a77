package gateway

import (
	"context"
	"net"
	"sync"
	"time"
)

// deadlines cuts connections that are past theirs. fasthttp sets three deadlines
// for each request, and a timer in the runtime for each of them costs more than
// the gateway's own part of a request; so a connection only notes its deadlines,
// and one sweep looks at all connections once in a while. A deadline is kept up
// to one sweep late, never early.
type deadlines struct {
	every time.Duration
	mu    sync.Mutex
	conns map[*timed]struct{}
}

// sweepsPerTimeout is how often the shortest timeout is looked at within it.
const sweepsPerTimeout = 10

func newDeadlines(c Config) *deadlines {
	shortest := min(c.HeaderTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout)
	return &deadlines{every: min(shortest/sweepsPerTimeout, time.Second/2), conns: map[*timed]struct{}{}}
}

// watch makes a connection whose deadlines are swept until it is closed.
func (d *deadlines) watch(c net.Conn) *timed {
	t := &timed{Conn: c, of: d}
	d.mu.Lock()
	d.conns[t] = struct{}{}
	d.mu.Unlock()
	return t
}

// run sweeps until ctx ends.
func (d *deadlines) run(ctx context.Context) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			d.sweep(now)
		case <-ctx.Done():
			return
		}
	}
}

func (d *deadlines) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.conns {
		t.sweep(now)
	}
}

// timed is a connection that notes its deadlines.
type timed struct {
	net.Conn
	of          *deadlines
	mu          sync.Mutex
	read, write deadline
}

// deadline is one direction's: when, and whether the connection has been cut for it.
type deadline struct {
	at  time.Time
	cut bool
}

// SetReadDeadline notes when reading is to fail.
func (t *timed) SetReadDeadline(at time.Time) error {
	return t.note(&t.read, at, t.Conn.SetReadDeadline)
}

// SetWriteDeadline notes when writing is to fail.
func (t *timed) SetWriteDeadline(at time.Time) error {
	return t.note(&t.write, at, t.Conn.SetWriteDeadline)
}

// SetDeadline notes both.
func (t *timed) SetDeadline(at time.Time) error {
	if err := t.SetReadDeadline(at); err != nil {
		return err
	}
	return t.SetWriteDeadline(at)
}

// note keeps a deadline, and takes back the cut that an earlier one led to.
func (t *timed) note(d *deadline, at time.Time, set func(time.Time) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.at = at
	if !d.cut {
		return nil
	}
	d.cut = false
	return set(time.Time{})
}

// longAgo is a deadline that has passed, whatever the clock says.
var longAgo = time.Unix(1, 0)

// sweep cuts what is past its deadline: whoever waits there wakes with a timeout.
func (t *timed) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read.due(now) {
		t.read.cut = t.Conn.SetReadDeadline(longAgo) == nil
	}
	if t.write.due(now) {
		t.write.cut = t.Conn.SetWriteDeadline(longAgo) == nil
	}
}

func (d *deadline) due(now time.Time) bool { return !d.cut && !d.at.IsZero() && !now.Before(d.at) }

// CloseWrite ends the writing side alone.
func (t *timed) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Conn.Close()
}

// Close forgets the deadlines and closes the connection.
func (t *timed) Close() error {
	t.of.mu.Lock()
	delete(t.of.conns, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}
