package disk

import (
	"os/exec"
	"testing"
)

// Disk is what is under a folder of a process.
type Disk interface {
	// Wrap prepares a command to run on the disk. Call what it returns once the
	// command has been started.
	Wrap(tb testing.TB, cmd *exec.Cmd) (started func())
	// Fill takes the space away. It stays away until Mend.
	Fill(tb testing.TB)
	// Forbid makes the disk refuse every change.
	Forbid(tb testing.TB)
	// Mend makes the disk sound again.
	Mend(tb testing.TB)
}

// Kind is a way to have such a disk.
type Kind struct {
	Name string
	Real bool // a file system with a size
	// New makes one under the folder, whose process has not been started, and
	// takes it away when the test ends.
	New func(tb testing.TB, folder string) Disk
}

// Kinds returns the ways that work for this user on this machine, and why
// others do not. There is always one.
func Kinds(tb testing.TB) []Kind {
	tb.Helper()
	kinds := []Kind{{"answered system calls", false, func(tb testing.TB, _ string) Disk { tb.Helper(); return NewCalls(tb) }}}
	if err := mountable(tb); err != nil {
		tb.Logf("no file system of its own: %v", err)
		return kinds
	}
	return append(kinds, Kind{"ext4 of its own", true, newLoop})
}
