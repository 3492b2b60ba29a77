package disk

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketVariable asks a test program to run another program under the filter:
// it names the descriptor through which the listener is handed over.
const socketVariable = "ZGODA_APPTEST_CALLS"

// Offsets in the kernel's struct seccomp_data.
const (
	atNumber   = 0
	atArch     = 4
	atThirdArg = 16 + 2*8 // its low half, on the little-endian machines that are supported
)

// watched are the system calls by which data, lengths and names become durable.
var watched = []uint32{
	unix.SYS_FDATASYNC, unix.SYS_FSYNC, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2,
}

// architectures are the kernel's numbers, AUDIT_ARCH_*.
var architectures = map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}

// program is the filter: what is watched, and openat where it creates a file,
// goes to the listener; everything else passes.
func program() []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	answer := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	// skipUnless goes on with the next line where the value matches, else leaves out n lines.
	skipUnless := func(test uint16, value uint32, n uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: value, Jf: n}
	}
	p := []unix.SockFilter{
		load(atArch), skipUnless(unix.BPF_JEQ, architectures[runtime.GOARCH], 1), skipUnless(unix.BPF_JA, 1, 0),
		answer(unix.SECCOMP_RET_ALLOW),
		load(atNumber),
	}
	for _, number := range watched {
		p = append(p, skipUnless(unix.BPF_JEQ, number, 1), answer(unix.SECCOMP_RET_USER_NOTIF))
	}
	return append(p,
		skipUnless(unix.BPF_JEQ, unix.SYS_OPENAT, 3),
		load(atThirdArg), skipUnless(unix.BPF_JSET, unix.O_CREAT, 1), answer(unix.SECCOMP_RET_USER_NOTIF),
		answer(unix.SECCOMP_RET_ALLOW))
}

// RunIfAsked becomes another program under the filter, if the environment asks
// for it. A test program that uses Calls calls it first thing in TestMain.
func RunIfAsked() error {
	if os.Getenv(socketVariable) == "" {
		return nil
	}
	if len(os.Args) < 2 {
		return errors.New("run under a filter: no program is named")
	}
	runtime.LockOSThread() // filter and exec are of one thread
	listener, err := install()
	if err != nil {
		return fmt.Errorf("put answered system calls in place (Linux 5.5 or newer): %w", err)
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
		return fmt.Errorf("hand over the listener: %w", err)
	}
	_ = unix.Close(socket)
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, socketVariable+"=") {
			env = append(env, v)
		}
	}
	err = syscall.Exec(os.Args[1], os.Args[1:], env) //nolint:gosec // a test's own command
	return fmt.Errorf("run under a filter: %w", err)
}

// install puts the filter over this thread and returns its listener.
func install() (int, error) {
	if architectures[runtime.GOARCH] == 0 {
		return 0, errors.New("not on this processor")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	lines := program()
	fprog := unix.SockFprog{Len: uint16(len(lines)), Filter: &lines[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&fprog))) //nolint:gosec // the kernel reads the filter through it
	runtime.KeepAlive(lines)
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}
