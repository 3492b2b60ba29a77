package launch

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// behind is how far the engine stands behind the gateway for the processors
// (nice, 0 to 19). At 5 it still gets a quarter of a processor that both want,
// which is about its share of the work for an event, so it never starves.
const behind = 5

// StandBehind lets whoever answers go first while the processors are short: the
// answers wait for the gateway, and what it took in waits in the spool. Threads
// that are made later have it from those that make them, so it is called before
// the engine's library is loaded. Only a thread's own priority can be set, by
// its number in /proc/self/task; where there is none, the process's.
func StandBehind() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return setBehind(0)
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := setBehind(id); err != nil {
			return err
		}
	}
	return nil
}

func setBehind(id int) error {
	// The kernel answers 20 less the nice value: whoever was put further behind stays there.
	if was, err := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && was <= 20-behind {
		return nil
	}
	err := unix.Setpriority(unix.PRIO_PROCESS, id, behind)
	if err != nil && !errors.Is(err, unix.ESRCH) { // a thread may have ended since
		return fmt.Errorf("lower the engine's priority: %w", err)
	}
	return nil
}
