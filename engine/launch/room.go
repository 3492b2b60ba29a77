package launch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// minFree is the room that a start needs on the disk.
const minFree = 64 << 20

// lockName is the file in the data folder that one engine holds locked.
const lockName = "zgoda.lock"

// freeSpace returns the bytes that are free for this user where dir is.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:unconvert // Bsize has another type on other systems
}

// checkDisk refuses a disk with no room for a start.
func checkDisk(dir string, free func(string) (uint64, error)) error {
	n, err := free(dir)
	if err != nil {
		return err
	}
	if n < minFree {
		return errDisk(dir)
	}
	return nil
}

// checkPort refuses a port that something else listens on.
func checkPort(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return errPort(port)
	}
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", port, err)
	}
	return l.Close()
}

// makeDir makes the data folder.
func makeDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if errors.Is(err, syscall.ENOSPC) {
		return errDisk(dir)
	}
	if err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}

// lock takes the folder for this process, and waits for a dying holder. The
// kernel gives it back when the process ends, however it ends. It returns early
// when stop is closed.
func lock(dir string, wait time.Duration, stop <-chan struct{}) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", dir, err)
	}
	deadline := time.After(wait)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		select {
		case <-tick.C:
		case <-stop:
			_ = f.Close()
			return nil, errStopped
		case <-deadline:
			holder := holderOf(f)
			_ = f.Close()
			return nil, errLocked(dir, holder)
		}
	}
	_ = f.Truncate(0)
	_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	if errors.Is(err, syscall.ENOSPC) {
		_ = f.Close()
		return nil, errDisk(dir)
	}
	return f, nil
}

// holderOf reads which process holds the lock, for the message alone.
func holderOf(f *os.File) string {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}
