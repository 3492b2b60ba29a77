package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for connections that can be read or written, and for a time. The
// time is a timerfd, since epoll itself counts in milliseconds.
type poller struct {
	epoll, timer int
	events       [256]unix.EpollEvent
}

const timerMark = -1

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open epoll: %w", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("open a timer: %w", err)
	}
	p := &poller{epoll: epoll, timer: timer}
	if err := p.control(unix.EPOLL_CTL_ADD, timer, unix.EPOLLIN, timerMark); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	_ = unix.Close(p.timer)
	_ = unix.Close(p.epoll)
}

// control watches fd; events of it carry mark.
func (p *poller) control(op, fd int, what uint32, mark int32) error {
	if err := unix.EpollCtl(p.epoll, op, fd, &unix.EpollEvent{Events: what, Fd: mark}); err != nil {
		return fmt.Errorf("watch a connection: %w", err)
	}
	return nil
}

// wake makes the next wait end after d.
func (p *poller) wake(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))}
	if err := unix.TimerfdSettime(p.timer, 0, &spec, nil); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	return nil
}

// idleWait bounds a wait, so that an end that is asked for is seen.
const idleWait = 50 // milliseconds

func (p *poller) wait() ([]unix.EpollEvent, error) {
	n, err := unix.EpollWait(p.epoll, p.events[:], idleWait)
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for answers: %w", err)
	}
	return p.events[:n], nil
}

// rang takes a timer's ringing away.
func (p *poller) rang() {
	var count [8]byte
	_, _ = unix.Read(p.timer, count[:]) // there is nothing to read when it was set anew
}
