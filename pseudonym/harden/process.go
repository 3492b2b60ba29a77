package harden

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Process forbids core dumps, takes the process's memory out of the reach of
// others of its user, and makes new files for their owner alone.
//
// A crash prints a stack, in whose arguments are words of memory, unless the
// process was started with GOTRACEBACK=none, as Quiet has it: a process cannot
// ask that of itself.
func Process() error {
	unix.Umask(0o077)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumping memory: %w", err)
	}
	return noNewRights()
}

// noNewRights says on every thread that no set-user-id program gains rights. Where
// threads are not all ours (cgo), Seal does it for them.
func noNewRights() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno == 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	return nil
}

// LockMemory keeps all of the process's memory, keys and what is computed of them
// included, out of swap, if the system allows as much as there may come to be:
// without a limit on locked memory, or with CAP_IPC_LOCK. It says whether it did.
func LockMemory() (bool, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return false, fmt.Errorf("ask how much memory may be locked: %w", err)
	}
	limited := limit.Cur != unix.RLIM_INFINITY
	if limited && !mayLock() {
		return false, nil
	}
	err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	if limited && (errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock memory: %w", err)
	}
	if limited && !beyond(limit.Cur) {
		return false, unlock()
	}
	return true, nil
}

// beyond says whether more than the limit may be locked. The capability of a user
// namespace, as containers without root have it, looks like the real one and is
// not: once the limit is reached, nothing more could be allocated.
func beyond(limit uint64) bool {
	if limit >= math.MaxInt64-1<<20 {
		return true
	}
	nothing, err := unix.MmapPtr(-1, 0, nil, uintptr(limit+1<<20), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return !errors.Is(err, unix.EAGAIN)
	}
	return unix.MunmapPtr(nothing, uintptr(limit+1<<20)) == nil
}

func unlock() error {
	if err := unix.Munlockall(); err != nil {
		return fmt.Errorf("unlock memory: %w", err)
	}
	return nil
}

// mayLock says whether we have CAP_IPC_LOCK.
func mayLock() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&head, &data[0]) == nil && data[0].Effective>>unix.CAP_IPC_LOCK&1 == 1
}

// Quiet is the environment of a process whose crashes print no stack.
func Quiet(environment []string) []string {
	return append(slices.Clone(environment), "GOTRACEBACK=none")
}

// secretWords are what the name of a variable with a secret ends in.
var secretWords = []string{"KEY", "PASS", "PASSWORD", "PASSPHRASE", "PIN", "TOKEN", "SECRET", "CREDENTIALS", "IDENTITY"}

// Environment refuses secrets in the environment, which every process of the same
// user can read and children inherit: variables ZGODA_... whose last word names
// one. The error has the names alone.
func Environment() error {
	var found []string
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		word := name[strings.LastIndexByte(name, '_')+1:]
		if value != "" && strings.HasPrefix(name, "ZGODA_") && slices.Contains(secretWords, word) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%s: secrets are not taken from the environment, where other processes can read them; remove the variable, and give a file of mode 0600", strings.Join(found, ", "))
}
