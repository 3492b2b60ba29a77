package launch

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The rights of files and folders that are handled, by the Landlock version
// that brought them.
const (
	readRights  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	fileRights  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	allRights1  = 1<<13 - 1
	allRights2  = 1<<14 - 1
	allRights3  = 1<<15 - 1
	deviceFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE
)

// portRuleType is LANDLOCK_RULE_NET_PORT.
const portRuleType = 2

// portRule is struct landlock_net_port_attr.
type portRule struct{ access, port uint64 }

// systemPaths are what a C program needs to run: its libraries, the clock's
// zone and what the kernel tells of the machine. Other processes under /proc
// stay closed, since Landlock refuses to look into what is outside its domain.
var systemPaths = []string{
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone",
	"/usr/share/zoneinfo", "/proc", "/sys/fs/cgroup", "/sys/devices/system", "/dev/urandom", "/dev/random",
}

// confine takes from the calling thread, and from every thread that it makes
// later, all files but the given ones, all outgoing TCP and every port but one.
// SQL's file(), url(), s3() and remote() then reach nothing, whoever asks.
func confine(writable, readable []string, port int) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || version < 1 {
		return errUnconfined
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: allRights1}
	switch {
	case version >= 3:
		attr.Handled_access_fs = allRights3
	case version == 2:
		attr.Handled_access_fs = allRights2
	}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // the kernel copies the struct during the call
	if errno != 0 {
		return fmt.Errorf("make the engine's confinement: %w", errno)
	}
	defer func() { _ = unix.Close(int(fd)) }()
	for _, path := range writable {
		if err := allow(int(fd), path, attr.Handled_access_fs); err != nil {
			return err
		}
	}
	for _, path := range append(readable, systemPaths...) {
		if err := allow(int(fd), path, readRights); err != nil {
			return err
		}
	}
	if err := allow(int(fd), "/dev/null", deviceFiles); err != nil {
		return err
	}
	if version >= 4 {
		rule := portRule{access: unix.LANDLOCK_ACCESS_NET_BIND_TCP, port: uint64(port)}
		if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, portRuleType, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // the kernel copies the struct during the call
			return fmt.Errorf("allow the engine's port: %w", errno)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("confine the engine: %w", errno)
	}
	return nil
}

// allow opens one path, or does nothing when there is no such path.
func allow(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s for the engine: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("look at %s for the engine: %w", path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights | 1<<14 // a file has no entries to list or make
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // the kernel copies the struct during the call
		return fmt.Errorf("allow %s to the engine: %w", path, errno)
	}
	return nil
}
