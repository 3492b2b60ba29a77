//go:build !race

package prompt_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"unsafe"

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
// goes before others where it may and nobody has chosen its rank.
func TestTurns(t *testing.T) {
	may := unix.Setpriority(unix.PRIO_PROCESS, 0, -1) == nil
	if may {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
	}
	for name, c := range map[string]struct {
		chosen, want int
		right        bool
	}{
		"with the right":            {0, -5, true},
		"without it":                {0, 0, false},
		"a rank is chosen":          {3, 3, true},
		"a rank is chosen, without": {3, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.right && !may {
				t.Skip("the kernel lets this user go before nobody")
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), trial+"="+strconv.Itoa(c.want), "ZGODA_PROMPT_CHOSEN="+strconv.Itoa(c.chosen), fmt.Sprint("ZGODA_PROMPT_RIGHT=", c.right))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		})
	}
}

// ask asks in this process, of a chosen rank, and looks at what came of it.
func ask() error {
	want, err := strconv.Atoi(os.Getenv(trial))
	if err != nil {
		return err
	}
	chosen, err := strconv.Atoi(os.Getenv("ZGODA_PROMPT_CHOSEN"))
	if err != nil {
		return err
	}
	if err := onAll(func(id int) error { return unix.Setpriority(unix.PRIO_PROCESS, id, chosen) }); err != nil {
		return err
	}
	if os.Getenv("ZGODA_PROMPT_RIGHT") == "false" {
		header, none := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
		if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
			return errno
		}
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
	threads := 0
	err = onAll(func(id int) error {
		threads++
		attr, err := unix.SchedGetAttr(id, 0)
		if err == nil && (attr.Runtime != 300_000 || int(attr.Nice) != want || attr.Policy != 0) {
			err = fmt.Errorf("thread %d: turns of %d ns, nice %d, policy %d", id, attr.Runtime, attr.Nice, attr.Policy)
		}
		return err
	})
	if err == nil && threads <= more/2 {
		err = fmt.Errorf("only %d threads to look at", threads)
	}
	return err
}

// onAll does something with each thread.
func onAll(do func(id int) error) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}
