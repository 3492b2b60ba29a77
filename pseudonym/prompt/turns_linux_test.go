package prompt_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"zgoda/pseudonym/prompt"
)

// trial makes this test's own process the one that asks.
const trial = "ZGODA_PROMPT_TRIAL"

func TestMain(m *testing.M) {
	if os.Getenv(trial) == "" {
		os.Exit(m.Run())
	}
	if err := ask(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// TestTurns: every thread has short turns, those that came after it was asked too, and
// none goes before others for it.
func TestTurns(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), trial+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func ask() error {
	was, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return err
	}
	if err := prompt.Turns(); err != nil {
		return err
	}
	const more = 8
	var reading sync.WaitGroup
	reading.Add(more)
	for range more {
		go func() {
			var ends [2]int
			_ = unix.Pipe2(ends[:], unix.O_CLOEXEC)
			reading.Done()
			_, _ = unix.Read(ends[0], make([]byte, 1)) // holds a thread of its own to the end
		}()
	}
	reading.Wait()
	return all(more/2, was.Nice)
}

// all looks at each thread's turns and rank.
func all(atLeast int, nice int32) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	if len(tasks) <= atLeast {
		return fmt.Errorf("only %d threads to look at", len(tasks))
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			return err
		}
		if attr.Runtime != 300_000 || attr.Nice != nice || attr.Policy != 0 {
			return fmt.Errorf("thread %d of %d: turns of %d ns, nice %d, policy %d", id, len(tasks), attr.Runtime, attr.Nice, attr.Policy)
		}
	}
	return nil
}
