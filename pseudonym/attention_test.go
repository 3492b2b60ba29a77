package pseudonym

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watched is a connection over a unix socket with a reader that pays attention,
// and its other end.
func watched(t *testing.T) (a *attention, c *attentive, other net.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "at") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if other, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	a = &attention{}
	c, ok := a.wrap(conn).(*attentive)
	if !ok {
		t.Fatal("the connection was not wrapped")
	}
	t.Cleanup(func() { _, _ = c.Close(), other.Close() })
	return a, c, other
}

// got is what one Read gave.
type got struct {
	text string
	err  error
}

func reading(c net.Conn) <-chan got {
	all := make(chan got, 1)
	go func() {
		p := make([]byte, 16)
		n, err := c.Read(p)
		all <- got{string(p[:n]), err}
	}()
	return all
}

func say(t *testing.T, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

// sleeps waits until the reader waits to be woken.
func sleeps(t *testing.T, c *attentive) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !c.asleep.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the reader never sleeps")
		}
	}
}

// TestAttentiveReader: with a call under way or without, roused or not, it reads
// what comes, and sleeps when nothing does.
func TestAttentiveReader(t *testing.T) {
	a, c, other := watched(t)
	without := reading(c)
	sleeps(t, c)
	say(t, other, "without a call")
	if g := <-without; g != (got{"without a call", nil}) {
		t.Errorf("%+v", g)
	}
	asleep := reading(c)
	sleeps(t, c)
	end := a.begin() // it rouses the reader
	say(t, other, "roused")
	if g := <-asleep; g != (got{"roused", nil}) {
		t.Errorf("%+v", g)
	}
	long := reading(c)
	sleeps(t, c) // the call takes longer than all looks
	second := a.begin()
	say(t, other, "late")
	if g := <-long; g != (got{"late", nil}) {
		t.Errorf("%+v", g)
	}
	second()
	end()
	if n := a.calls.Load(); n != 0 {
		t.Errorf("%d calls are under way", n)
	}
}

// TestAttentiveReaderEnds: at the other end's end, when it is closed, and at the
// deadline of who closes it, with a call under way or without.
func TestAttentiveReaderEnds(t *testing.T) {
	for name, end := range map[string]func(c *attentive, other net.Conn) error{
		"the other end": func(_ *attentive, other net.Conn) error { return other.Close() },
		"closed":        func(c *attentive, _ net.Conn) error { return c.Close() },
		"deadline":      func(c *attentive, _ net.Conn) error { return c.SetReadDeadline(time.Now()) },
		"both ways":     func(c *attentive, _ net.Conn) error { return c.SetDeadline(time.Now()) },
	} {
		for _, calling := range []bool{false, true} {
			a, c, other := watched(t)
			if calling {
				defer a.begin()()
			}
			last := reading(c)
			sleeps(t, c)
			if err := end(c, other); err != nil {
				t.Fatal(err)
			}
			defer a.begin()() // a call too late rouses nobody any more
			g := <-last
			if !errors.Is(g.err, io.EOF) && !errors.Is(g.err, net.ErrClosed) && !errors.Is(g.err, os.ErrDeadlineExceeded) {
				t.Errorf("%s, %v: %+v", name, calling, g)
			}
			if g := <-reading(c); g.err == nil {
				t.Errorf("%s, %v: it reads on", name, calling)
			}
		}
	}
}

// TestAttentiveReaderLosesNothing: calls begin and end at any moment of the
// reader's, and every byte comes.
func TestAttentiveReaderLosesNothing(t *testing.T) {
	a, c, other := watched(t)
	const bytes = 20_000
	go func() {
		for range bytes {
			end := a.begin()
			_, _ = other.Write([]byte{'x'})
			end()
		}
		_ = other.Close()
	}()
	all, err := io.ReadAll(c)
	if err != nil || len(all) != bytes {
		t.Errorf("%d bytes, %v", len(all), err)
	}
}
