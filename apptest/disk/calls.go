package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is the first descriptor of a child's ExtraFiles.
const socket = 3

// Calls is a disk whose system calls are answered by the test. The failure is
// that of the one process that Wrap was given, not of its children.
type Calls struct {
	ending chan struct{}
	served sync.WaitGroup

	mu    sync.Mutex
	fault fault
}

// fault is what is wrong with the disk; the zero fault is nothing.
type fault struct {
	errno unix.Errno    // what changes are refused with
	wait  time.Duration // how long each wait for the disk takes
	held  chan struct{} // closed when a disk that hangs does so no longer
}

// NewCalls makes a sound disk, which ends with the test.
func NewCalls(tb testing.TB) *Calls {
	tb.Helper()
	c := &Calls{ending: make(chan struct{})}
	tb.Cleanup(func() {
		c.Mend(tb)
		close(c.ending)
		c.served.Wait()
	})
	return c
}

// Wrap implements Disk.
func (c *Calls) Wrap(tb testing.TB, cmd *exec.Cmd) func() {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "listener's socket")
	cmd.Args = append([]string{self, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("%s=%d", socketVariable, socket))
	cmd.ExtraFiles = []*os.File{theirs}
	return func() {
		tb.Helper()
		_ = theirs.Close()
		listener, err := receive(pair[0])
		_ = unix.Close(pair[0])
		if err != nil {
			tb.Fatalf("take over the system calls: %v", err)
		}
		c.served.Go(func() { c.serve(listener, cmd.Process.Pid) })
	}
}

// receive takes a descriptor out of a socket.
func receive(from int) (int, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(from, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return 0, errors.Join(err, errors.New("the program ended before it handed over its listener"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, errors.Join(err, errors.New("no descriptor came"))
	}
	return fds[0], nil
}

// Fill implements Disk: as a file system that finds out when it writes back,
// as those do that allocate late.
func (c *Calls) Fill(testing.TB) { c.set(fault{errno: unix.ENOSPC}) }

// Forbid implements Disk.
func (c *Calls) Forbid(testing.TB) { c.set(fault{errno: unix.EROFS}) }

// Slow makes each wait for the disk take so long.
func (c *Calls) Slow(wait time.Duration) { c.set(fault{wait: wait}) }

// Hang makes every wait for the disk last until Mend.
func (c *Calls) Hang() { c.set(fault{held: make(chan struct{})}) }

// Mend implements Disk.
func (c *Calls) Mend(testing.TB) { c.set(fault{}) }

func (c *Calls) set(f fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault.held != nil {
		close(c.fault.held)
	}
	c.fault = f
}

func (c *Calls) now() fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// notice and reply are the kernel's struct seccomp_notif and seccomp_notif_resp.
type notice struct {
	id     uint64
	thread uint32
	_      uint32
	number int32
	_      uint32
	_      uint64
	args   [6]uint64
}

type reply struct {
	id    uint64
	_     int64
	errno int32
	flags uint32
}

// lookAround is how often the listener looks whether the test has ended.
const lookAround = 100 // milliseconds

// serve answers what the processes under the filter ask until they or the test
// have ended.
func (c *Calls) serve(listener, process int) {
	var asked sync.WaitGroup
	defer func() {
		asked.Wait()
		_ = unix.Close(listener)
	}()
	for {
		select {
		case <-c.ending:
			return
		default:
		}
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, lookAround); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			if fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
				return // nobody is left
			}
			continue
		}
		var n notice
		if errno := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); errno != 0 { //nolint:gosec // the kernel fills it
			continue // the caller was killed meanwhile
		}
		asked.Go(func() { c.answer(listener, process, n) })
	}
}

// answer lets one system call go on, late, or refuses it.
func (c *Calls) answer(listener, process int, n notice) {
	r := reply{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if f := c.now(); f != (fault{}) && belongs(n.thread, process) {
		waits := n.number == unix.SYS_FDATASYNC || n.number == unix.SYS_FSYNC
		switch {
		case f.errno != 0 && refuses(n, f.errno):
			r.flags, r.errno = 0, -int32(f.errno)
		case waits && f.held != nil:
			<-f.held
		case waits:
			timer := time.NewTimer(f.wait)
			select {
			case <-timer.C:
			case <-c.ending:
				timer.Stop()
			}
		}
	}
	_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) //nolint:gosec // the kernel reads it; whoever asked may be gone
}

// refuses says whether a disk that fails so refuses the call. A full one can
// still remove, rename and cut.
func refuses(n notice, errno unix.Errno) bool {
	switch n.number {
	case unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_FTRUNCATE:
		return errno != unix.ENOSPC
	default:
		return true
	}
}

// belongs says whether a thread is one of the process.
func belongs(thread uint32, process int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", process, thread))
	return err == nil
}

func ioctl(fd int, request uint, argument unsafe.Pointer) syscall.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
	return errno
}
