package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// imageName is the name of the file that a Loop is in.
const imageName = "disk.ext4"

// loopBytes is the size of the file system: a segment of the spool and more.
const loopBytes = 256 << 20

// Loop is an ext4 in a file, mounted over a folder.
type Loop struct {
	folder string
	image  string // the file that it is in

	stop    chan struct{} // closed: space is given back
	stopped sync.WaitGroup
}

// mountable returns why this user cannot have an ext4 of its own, or nil.
func mountable(tb testing.TB) error {
	tb.Helper()
	folder := filepath.Join(tb.TempDir(), "disk")
	if err := mount(tb.TempDir(), folder); err != nil {
		return err
	}
	return run("umount", folder)
}

// mount makes the file system in a file of the room and mounts it.
func mount(room, folder string) error {
	if os.Geteuid() != 0 {
		return errors.New("only root mounts")
	}
	image := filepath.Join(room, imageName)
	f, err := os.OpenFile(image, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(loopBytes), f.Close(), os.MkdirAll(folder, 0o700)); err != nil {
		return err
	}
	// No blocks are kept back for root, which the test may be.
	if err := run("mkfs.ext4", "-q", "-F", "-m", "0", image); err != nil {
		return err
	}
	if err := run("mount", "-o", "loop", image, folder); err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o700); err != nil { //nolint:gosec // a folder, of its owner's alone
		return err
	}
	return os.Remove(filepath.Join(folder, "lost+found"))
}

func run(program string, args ...string) error {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}

func newLoop(tb testing.TB, folder string) Disk {
	tb.Helper()
	room := tb.TempDir()
	if err := mount(room, folder); err != nil {
		tb.Fatal(err)
	}
	l := &Loop{folder: folder, image: filepath.Join(room, imageName)}
	tb.Cleanup(func() {
		l.Mend(tb)
		if err := run("umount", folder); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// Device is what its file system is on, for mount and fsck.
func (l *Loop) Device() string { return l.image }

// Wrap implements Disk: the folder is what differs.
func (l *Loop) Wrap(testing.TB, *exec.Cmd) func() { return func() {} }

func (l *Loop) ballast() string { return filepath.Join(l.folder, "ballast") }

// Fill implements Disk: a file takes every free block, and what becomes free
// later too, as somebody's growing log does.
func (l *Loop) Fill(tb testing.TB) {
	tb.Helper()
	f := l.open(tb)
	l.stop = make(chan struct{})
	l.stopped.Go(func() {
		defer func() { _ = f.Close() }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			eat(f)
			select {
			case <-l.stop:
				return
			case <-tick.C:
			}
		}
	})
}

// TopUp takes what is free now, and nothing that becomes free later.
func (l *Loop) TopUp(tb testing.TB) {
	tb.Helper()
	f := l.open(tb)
	eat(f)
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

func (l *Loop) open(tb testing.TB) *os.File {
	tb.Helper()
	f, err := os.OpenFile(l.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// eat grows a file until nothing is free.
func eat(f *os.File) {
	for size := 1 << 20; size >= 512; size /= 2 {
		for _, err := f.Write(make([]byte, size)); err == nil; _, err = f.Write(make([]byte, size)) {
		}
	}
}

// Forbid implements Disk: nothing in the folder may be changed, nothing made.
// The kernel holds open files to it as well; a file system that has such files
// cannot be mounted read-only without an error of the disk.
func (l *Loop) Forbid(tb testing.TB) {
	tb.Helper()
	l.immutable(tb, true)
}

// Mend implements Disk.
func (l *Loop) Mend(tb testing.TB) {
	tb.Helper()
	l.immutable(tb, false)
	if l.stop != nil {
		close(l.stop)
		l.stopped.Wait()
		l.stop = nil
	}
	if err := os.Remove(l.ballast()); err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
}

// immutable sets or clears the flag of the folder and of every file in it.
func (l *Loop) immutable(tb testing.TB, on bool) {
	tb.Helper()
	flag(tb, l.folder, on) // the folder first: no file comes meanwhile
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		flag(tb, filepath.Join(l.folder, e.Name()), on)
	}
}

const immutableFlag = 0x10 // the kernel's FS_IMMUTABLE_FL

func flag(tb testing.TB, path string, on bool) {
	tb.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return // released meanwhile
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		tb.Fatal(err)
	}
	if flags |= immutableFlag; !on {
		flags &^= immutableFlag
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags)); err != nil {
		tb.Fatal(err)
	}
}
