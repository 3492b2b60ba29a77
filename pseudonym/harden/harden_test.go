package harden_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"zgoda/pseudonym/harden"
	"zgoda/pseudonym/secret"
)

// What cannot be undone is tried in a process of its own: this test binary again.
const trial = "HARDEN_TRIAL"

func TestMain(m *testing.M) {
	if name := os.Getenv(trial); name != "" {
		fmt.Println(trials[name]())
		return
	}
	os.Exit(m.Run())
}

var trials = map[string]func() error{
	"process": func() error {
		if err := harden.Process(); err != nil {
			return err
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
			return fmt.Errorf("core dumps: %v %w", limit, err)
		}
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		rights, err2 := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if dumpable != 0 || rights != 1 {
			return fmt.Errorf("dumpable %d, no new privileges %d", dumpable, rights)
		}
		return errors.Join(err, err2)
	},
	"sealed":   func() error { return errors.Join(harden.Seal(harden.Allowed{}), tries(false)) },
	"internet": func() error { return errors.Join(harden.Seal(harden.Allowed{Internet: true, Exec: true}), tries(true)) },
	"panic": func() error {
		if err := harden.Process(); err != nil {
			return err
		}
		key := secret.New([]byte("the secret of the test"))
		panic(fmt.Errorf("key %v %s %x %q %#v %+v: %w", key, key, key, key, key, struct{ K secret.Bytes }{key}, errSecret{key}))
	},
	"lock": func() error {
		locked, err := harden.LockMemory()
		if locked {
			err = errors.Join(err, errors.New("locked"))
		}
		return errors.Join(err, lockedSays(locked))
	},
	"panic with a key": func() error { panic(secret.New([]byte("the secret of the test"))) },
}

// errSecret is an error that holds a key, and prints whatever the key prints.
type errSecret struct{ key secret.Bytes }

func (e errSecret) Error() string { return fmt.Sprint(e.key, &e.key, []any{e.key}) }

// tries calls what is to be refused, on many threads.
func tries(allowed bool) error {
	var mu sync.Mutex
	var wrong []error
	note := func(what string, err error, ok bool) {
		if (err == nil) != ok || !ok && !errors.Is(err, unix.EPERM) {
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, fmt.Errorf("%s: %w", what, err))
		}
	}
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			note("start a program", exec.Command("/bin/true").Run(), allowed)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				_ = l.Close()
			}
			note("listen on TCP", err, allowed)
			_, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
			note("ptrace", orNil(errno), false)
			_, _, errno = unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
			note("io_uring", orNil(errno), false)
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err == nil {
				_, _ = unix.Close(fds[0]), unix.Close(fds[1])
			}
			note("unix sockets", err, true)
			dir, err := os.MkdirTemp("", "harden-")
			if err == nil {
				u, errs := net.Listen("unix", filepath.Join(dir, "s"))
				note("listen on a unix socket", errs, true)
				if errs == nil {
					_ = u.Close()
				}
				err = os.RemoveAll(dir)
			}
			note("files", err, true)
		})
	}
	running.Wait()
	return errors.Join(wrong...)
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func run(t *testing.T, name string) (out string, failed bool) {
	t.Helper()
	out, failed, _ = runIn(t, name, nil)
	return out, failed
}

func runIn(t *testing.T, name string, as *syscall.SysProcAttr) (out string, failed, began bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = harden.Quiet(append(os.Environ(), trial+"="+name))
	cmd.SysProcAttr = as
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		return err.Error(), true, false
	}
	err := cmd.Wait()
	return text.String(), err != nil, true
}

func TestProcess(t *testing.T) {
	for _, name := range []string{"process", "sealed", "internet"} {
		if out, failed := run(t, name); failed || out != "<nil>\n" {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// A crash prints no key, and no stack.
func TestPanic(t *testing.T) {
	for _, name := range []string{"panic", "panic with a key"} {
		out, failed := run(t, name)
		if !failed || !strings.Contains(out, "panic: ") {
			t.Fatalf("no panic: %s", out)
		}
		for _, form := range []string{"the secret", fmt.Sprintf("%x", "the secret"), fmt.Sprintf("%X", "the secret"), "116 104 101 32 115 101 99"} {
			if strings.Contains(out, form) {
				t.Errorf("%s: the key is printed: %s", name, out)
			}
		}
		if strings.Contains(out, "harden_test.go") || !strings.Contains(out, "[redacted]") {
			t.Errorf("a stack, or nothing: %s", out)
		}
	}
}

func TestEnvironment(t *testing.T) {
	if err := harden.Environment(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ZGODA_KEK_PASSPHRASE", "ZGODA_TOKEN", "ZGODA_CLICKHOUSE_PASSWORD", "ZGODA_PIN"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "canary-value")
			if err := harden.Environment(); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Setenv("ZGODA_DATA", "/somewhere")
	t.Setenv("ZGODA_TOKEN", "")
	if err := harden.Environment(); err != nil {
		t.Error(err)
	}
}

// Memory is locked exactly where nothing limits it.
func TestLockMemory(t *testing.T) {
	locked, err := harden.LockMemory()
	if err != nil {
		t.Fatal(err)
	}
	if err := lockedSays(locked); err != nil {
		t.Error(err)
	}
	if err := unix.Munlockall(); err != nil {
		t.Fatal(err)
	}
}

func lockedSays(locked bool) error {
	status, err := os.ReadFile("/proc/self/status")
	if has := !bytes.Contains(status, []byte("VmLck:\t       0 kB")); err == nil && has != locked {
		err = fmt.Errorf("said %t, is %t", locked, has)
	}
	return err
}

// The capability of a container's own user namespace locks no more than the limit:
// memory is left as it is, whatever the limit, and the process goes on.
func TestLockMemoryInANamespace(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before) //nolint:errcheck // lower, or as it was
	for _, limit := range []uint64{8 << 20, 1 << 36} {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: max(limit, before.Max)}); err != nil {
			t.Logf("a limit of %d is not ours to set: %v", limit, err)
			continue
		}
		out, failed, began := runIn(t, "lock", &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		})
		if !began {
			t.Logf("no namespace of users here: %s", out)
			return
		}
		if failed || out != "<nil>\n" {
			t.Errorf("limit %d: %s", limit, out)
		}
	}
}
