package harden

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Allowed is what a process keeps.
type Allowed struct {
	Internet bool // make sockets of the internet protocols
	Exec     bool // start programs
}

// never are calls that none of our processes makes. They reach into other
// processes, the kernel or devices, or get around the filter.
var never = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN,
	unix.SYS_SETNS, unix.SYS_UNSHARE, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_PERSONALITY,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
}

// Places in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // its low half, on the little-endian machines that we run on
)

var arches = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// ErrArch is returned on a machine that the filter is not written for.
var ErrArch = errors.New("no filter of system calls for this kind of machine")

// Seal has the kernel refuse (EPERM) what is not allowed, on every thread that
// there is and will be. It cannot be undone.
func Seal(allowed Allowed) error {
	arch, ok := arches[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("%s: %w", runtime.GOARCH, ErrArch)
	}
	filter := program(arch, allowed)
	runtime.LockOSThread() // the kernel asks this very thread whether it has given up new rights
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	odd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))) //nolint:gosec // the call takes an address
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	if odd != 0 {
		return errors.New("filter system calls: a thread has a filter of its own")
	}
	return nil
}

// program is the filter.
func program(arch uint32, allowed Allowed) []unix.SockFilter {
	refused := never
	if !allowed.Exec {
		refused = append([]uint32{unix.SYS_EXECVE, unix.SYS_EXECVEAT}, never...)
	}
	p := []unix.SockFilter{
		load(dataArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jt: 1},
		result(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNumber),
	}
	if runtime.GOARCH == "amd64" { // the other numbering of the same calls
		p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 0x40000000, Jf: 1}, deny)
	}
	for _, number := range refused {
		p = append(p, equals(number), deny)
	}
	if !allowed.Internet {
		p = append(p,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
			load(dataArg0), unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_UNIX, Jt: 1}, deny)
	}
	return append(p, result(unix.SECCOMP_RET_ALLOW))
}

var deny = result(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

// equals goes on with the next line for this number, else with the one after it.
func equals(number uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1}
}

func result(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}
