package prompt

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// turn is how long a thread runs before others of its rank may (the kernel's own is
// about 3 ms). The kernel takes 0.1 to 100 ms.
const turn = 300 * time.Microsecond

// ahead is the rank (nice) of who goes before others: both wanting one processor, it has
// three quarters of it.
const ahead = -5

// Turns asks for short turns instead of long ones, for every thread there is and those
// that come. Whoever asks for short ones is let in sooner once there is something to
// do (EEVDF: sched_attr.sched_runtime of sched(7), from Linux 6.12; older ones keep
// their own length). It needs no right. Where the right is there (CAP_SYS_NICE or
// RLIMIT_NICE), and nobody has chosen a rank, it goes before others as well.
func Turns() error {
	was, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("ask how long turns are: %w", err)
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: was.Policy, Nice: was.Nice, Runtime: uint64(turn)}
	if was.Nice == 0 {
		attr.Nice = ahead
	}
	err = ask(&attr)
	if errors.Is(err, unix.EPERM) && attr.Nice != was.Nice {
		attr.Nice = was.Nice
		err = ask(&attr)
	}
	if err != nil {
		return fmt.Errorf("ask for short turns: %w", err)
	}
	return nil
}

// ask asks for all threads.
func ask(attr *unix.SchedAttr) error {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_SCHED_SETATTR, 0, uintptr(unsafe.Pointer(attr)), 0) //nolint:gosec // the call reads it, and it is kept until then
	runtime.KeepAlive(attr)
	if errno == syscall.ENOTSUP { // some threads are not Go's (cgo): those that come of this one
		return unix.SchedSetAttr(0, attr, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}
