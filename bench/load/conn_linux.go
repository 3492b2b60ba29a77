package load

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one keep-alive connection with at most one request in flight.
type conn struct {
	fd  int
	req *Request      // in flight; nil: idle
	out []byte        // what of it is not sent yet
	due time.Duration // when it was due
	in  []byte        // what has come of its answer
}

const answerBuffer = 4 << 10

var errGone = errors.New("the server takes no connections any more")

// dial connects a non-blocking socket. The server is on this machine: a
// connection is there at once or not at all.
func dial(address string) (int, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return -1, fmt.Errorf("read the address to load: %w", err)
	}
	to := &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a socket: %w", err)
	}
	err = unix.Connect(fd, to)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to the server: %w", err)
	}
	return fd, nil
}

// send writes what it can of what is left. all is false when the rest has to
// wait for room.
func (c *conn) send() (all bool, err error) {
	for len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		switch {
		case err == nil:
			c.out = c.out[n:]
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case errors.Is(err, unix.EINTR):
		default:
			return false, err
		}
	}
	return true, nil
}

// receive reads what has come. done is true with the whole answer.
func (c *conn) receive() (a answer, done bool, err error) {
	for {
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, make([]byte, answerBuffer)...)[:len(c.in)]
		}
		n, err := unix.Read(c.fd, c.in[len(c.in):cap(c.in)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return answer{}, false, nil
		case err != nil:
			return answer{}, false, err
		case n == 0:
			return answer{}, false, unix.ECONNRESET
		}
		c.in = c.in[:len(c.in)+n]
		a, ok, err := parseAnswer(c.in)
		if err != nil || (ok && len(c.in) > a.length) {
			return answer{}, false, errors.Join(err, errAnswer)
		}
		if ok && len(c.in) == a.length {
			c.in = c.in[:0]
			return a, true, nil
		}
	}
}
