package prompt

import (
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

// Turns asks for short turns instead of long ones, for every thread there is and those
// that come. Whoever asks for short ones is let in sooner once there is something to
// do, and gets no more of a processor in the end (EEVDF: sched_attr.sched_runtime of
// sched(7), from Linux 6.12; older ones keep their own length). It needs no right.
func Turns() error {
	var attr unix.SchedAttr
	was, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("ask how long turns are: %w", err)
	}
	attr.Size, attr.Policy, attr.Nice, attr.Runtime = unix.SizeofSchedAttr, was.Policy, was.Nice, uint64(turn)
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_SCHED_SETATTR, 0, uintptr(unsafe.Pointer(&attr)), 0) //nolint:gosec // the call reads it, and it is kept until then
	runtime.KeepAlive(&attr)
	if errno == syscall.ENOTSUP { // some threads are not Go's (cgo): those that come of this one
		err = unix.SchedSetAttr(0, &attr, 0)
	} else if errno != 0 {
		err = errno
	}
	if err != nil {
		return fmt.Errorf("ask for short turns: %w", err)
	}
	return nil
}
