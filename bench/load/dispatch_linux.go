package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const reconnectWithin = 5 * time.Second

// dispatch gives idle connections what is to be sent now: first what is sent
// again, then what is due. While as many wait to be sent again as there are
// connections nothing new is taken, so that at most twice as many requests as
// connections are in flight.
func (l *loop) dispatch(now time.Duration) error {
	for l.schedule != nil && l.nextDue <= now && !l.finished(now) {
		if l.nextDue >= l.config.Warm {
			l.lag.Record(now - l.nextDue)
		}
		l.waiting.push(l.nextDue)
		l.nextDue = l.schedule.next()
		l.issued++
	}
	for l.idle.len() > 0 {
		switch {
		case l.again.len() > 0 && l.again.front().notBefore <= now:
			r := l.again.pop()
			l.result.Resent++
			if err := l.issue(r.req, r.due); err != nil {
				return err
			}
		case l.again.len() >= l.config.Connections:
			return nil
		case l.waiting.len() > 0:
			if err := l.fresh(now, l.waiting.pop()); err != nil {
				return err
			}
		case l.schedule == nil && !l.finished(now):
			l.issued++
			if err := l.fresh(now, now); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// fresh sends a new request.
func (l *loop) fresh(now, due time.Duration) error {
	req := l.source.Next(l.start.Add(now))
	req.inFlight = true
	if due >= l.config.Warm {
		l.result.Sent++
	}
	return l.issue(req, due)
}

// issue sends a request on the connection that has been idle for longest.
func (l *loop) issue(req *Request, due time.Duration) error {
	i := l.idle.pop()
	c := &l.conns[i]
	c.req, c.out, c.due = req, req.Bytes, due
	l.inFlight++
	all, err := c.send()
	if err != nil {
		return l.broken(int(i))
	}
	l.result.Bytes += int64(len(req.Bytes) - len(c.out))
	if !all {
		return l.poll.control(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN|unix.EPOLLOUT, i)
	}
	return nil
}

// handle serves one connection that can be read or written.
func (l *loop) handle(i int, events uint32) error {
	c := &l.conns[i]
	if events&unix.EPOLLOUT != 0 {
		left := len(c.out)
		all, err := c.send()
		l.result.Bytes += int64(left - len(c.out))
		if err != nil {
			return l.broken(i)
		}
		if all {
			if err := l.poll.control(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN, int32(i)); err != nil {
				return err
			}
		}
	}
	if events&^uint32(unix.EPOLLOUT) == 0 {
		return nil
	}
	a, done, err := c.receive()
	switch {
	case errors.Is(err, errAnswer):
		return err
	case err != nil:
		return l.broken(i)
	case !done:
		return nil
	}
	return l.answered(i, a)
}

// answered counts an answer and sends the next request.
func (l *loop) answered(i int, a answer) error {
	now := l.now()
	c := &l.conns[i]
	if c.req == nil { // the server ends an idle connection with a 408
		return l.broken(i)
	}
	cut := len(c.out) > 0 // refused before all of it was read
	l.count(c, a.status, now)
	c.req, c.out = nil, nil
	l.inFlight--
	if a.close || cut {
		if err := l.reconnect(i); err != nil {
			return err
		}
	} else {
		l.idle.push(int32(i))
	}
	return l.dispatch(now)
}

// count books an answer, or arranges for its request to be sent again.
func (l *loop) count(c *conn, status int, now time.Duration) {
	passing := status == 408 || status == 429 || status >= 500
	if passing && l.config.Retry > 0 {
		l.result.refuse(status)
		l.again.push(resend{c.req, c.due, now + l.config.Retry})
		return
	}
	c.req.inFlight = false
	if c.due < l.config.Warm {
		return
	}
	l.last = now
	l.result.Histogram.Record(now - c.due)
	if status/100 == 2 {
		l.result.Accepted++
		l.result.Events += c.req.Events
		return
	}
	l.result.refuse(status)
}

// broken replaces a connection that the server has ended.
func (l *loop) broken(i int) error {
	c := &l.conns[i]
	if c.req != nil {
		l.result.Broken++
		l.inFlight--
		if l.config.Retry > 0 {
			l.again.push(resend{c.req, c.due, l.now() + l.config.Retry})
		} else {
			c.req.inFlight = false
		}
		c.req, c.out = nil, nil
		return l.reconnect(i)
	}
	// An idle connection has an entry among the idle ones already.
	if err := l.replace(i); err != nil {
		return err
	}
	return nil
}

// reconnect replaces a connection that was busy and makes it idle.
func (l *loop) reconnect(i int) error {
	if err := l.replace(i); err != nil {
		return err
	}
	l.idle.push(int32(i))
	return nil
}

// connect opens connection i for the first time.
func (l *loop) connect(i int) error {
	fd, err := dial(l.config.Address)
	if err != nil {
		return err
	}
	l.conns[i] = conn{fd: fd, in: make([]byte, 0, answerBuffer)}
	l.idle.push(int32(i))
	return l.poll.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, int32(i))
}

// replace closes connection i and opens it again, for as long as a restart of
// the server may take.
func (l *loop) replace(i int) error {
	c := &l.conns[i]
	_ = unix.Close(c.fd)
	c.fd = 0
	for deadline := time.Now().Add(reconnectWithin); ; {
		fd, err := dial(l.config.Address)
		if err == nil {
			c.fd, c.in = fd, c.in[:0]
			return l.poll.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, int32(i))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
