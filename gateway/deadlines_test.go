package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns a watched connection, its other end and what watches.
func pair(t *testing.T) (*timed, net.Conn, *deadlines) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	d := newDeadlines(DefaultConfig())
	return d.watch(near), far, d
}

func TestDeadlineCutsAReaderAndIsTakenBack(t *testing.T) {
	c, far, d := pair(t)
	now := time.Now()
	if err := c.SetReadDeadline(now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { _, err := c.Read(make([]byte, 1)); got <- err }()
	d.sweep(now.Add(time.Minute - 1))
	select {
	case err := <-got:
		t.Fatalf("cut before its time: %v", err)
	default:
	}
	d.sweep(now.Add(time.Minute))
	if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v, want a timeout", err)
	}
	if err := c.SetReadDeadline(now.Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = far.Write([]byte("x")) }()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("read with a new deadline: %v", err)
	}
}

func TestDeadlineCutsAWriter(t *testing.T) {
	c, _, d := pair(t)
	now := time.Now()
	if err := c.SetDeadline(now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { _, err := c.Write([]byte("x")); got <- err }()
	d.sweep(now.Add(2 * time.Minute))
	if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v, want a timeout", err)
	}
}

func TestDeadlinesForgetWhatIsClosed(t *testing.T) {
	c, _, d := pair(t)
	if len(d.conns) != 1 {
		t.Fatalf("%d connections watched, want 1", len(d.conns))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if len(d.conns) != 0 {
		t.Errorf("%d connections watched after the close", len(d.conns))
	}
}

func TestNoDeadlineIsNeverCut(t *testing.T) {
	c, _, d := pair(t)
	if err := c.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	d.sweep(time.Now().Add(time.Hour))
	if c.read.cut {
		t.Error("cut without a deadline")
	}
}
