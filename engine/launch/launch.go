package launch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"zgoda/activity/ending"
)

// Config says what to run.
type Config struct {
	Library    string // libchdb.so
	Dir        string // the data folder
	ConfigFile string // written by engine.Prepare; its folder is readable to the engine
	Port       int
	User       string // who may end the engine
	Password   string
	Unconfined bool // run without Landlock
	LockWait   time.Duration
	StopWithin time.Duration // from the wish to end to the hard exit
}

// DefaultConfig returns the waits.
func DefaultConfig() Config {
	return Config{User: "zgoda", LockWait: 15 * time.Second, StopWithin: 10 * time.Second}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct{ key, value string }{{"data", c.Dir}, {"config", c.ConfigFile}, {"user", c.User}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("zgoda-clickhouse: --%s must be given", f.key))
		}
	}
	if c.Port < 1 || c.Port > 65535 {
		errs = append(errs, errors.New("zgoda-clickhouse: --port must be between 1 and 65535"))
	}
	return errors.Join(errs...)
}

// errStopped says that the parent ended before the engine listened.
var errStopped = errors.New("stopped")

// holdingQuery opens the port and then keeps the engine's thread for good.
const holdingQuery = "SYSTEM START LISTEN TCP; SELECT sleepEachRow(1) FROM numbers(10000000000) " +
	"SETTINGS max_block_size=1, max_execution_time=0, function_sleep_max_microseconds_per_block=0 FORMAT Null"

// Run runs the engine until stop is closed and returns nil then, or returns why
// it cannot go on. It does not wait for the engine's threads: the process is to
// exit at once after Run.
func Run(ctx context.Context, c Config, stop <-chan struct{}) error {
	if err := c.Validate(); err != nil {
		return err
	}
	folder, err := prepare(&c, freeSpace, stop)
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	var said atomic.Pointer[error]
	if err := hush(func(line string) {
		if err := classify(line, c.Dir, c.Port); err != nil {
			said.Store(&err)
		}
	}); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- run(c) }()
	listening, lost := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go watch(ctx, c.Port, listening, lost)
	select {
	case err := <-ended:
		if p := said.Load(); p != nil && errors.Is(err, errSilent) {
			return *p
		}
		return err
	case <-lost:
		return errors.New("the ClickHouse engine stopped listening")
	case <-stop:
		return end(ctx, c, listening, ended)
	}
}

// prepare checks all that can be said in words before the engine is loaded.
func prepare(c *Config, free func(string) (uint64, error), stop <-chan struct{}) (*os.File, error) {
	if info, err := os.Stat(c.Library); c.Library == "" || err != nil || !info.Mode().IsRegular() {
		return nil, errNoLibrary(c.Library)
	}
	if err := makeDir(c.Dir); err != nil {
		return nil, err
	}
	folder, err := lock(c.Dir, c.LockWait, stop)
	if err != nil {
		return nil, err
	}
	if err = checkDisk(c.Dir, free); err == nil {
		err = checkPort(c.Port)
	}
	if err != nil {
		_ = folder.Close()
		return nil, err
	}
	return folder, nil
}

// run confines its own thread, which becomes the engine's first, and holds it.
func run(c Config) error {
	pin() // never unpinned: a confined thread is not given back
	writable, readable := []string{c.Dir}, []string{filepath.Dir(c.Library), filepath.Dir(c.ConfigFile)}
	if err := confine(writable, readable, c.Port); err != nil && (!c.Unconfined || !errors.Is(err, errUnconfined)) {
		return err
	}
	text, err := hold(c.Library, []string{
		"zgoda-clickhouse", "--path", c.Dir, "--tcp_port", strconv.Itoa(c.Port), "--listen_host", "127.0.0.1",
		"--config-file", c.ConfigFile, "--query", holdingQuery,
	})
	if err != nil {
		return err
	}
	if err := classify(text, c.Dir, c.Port); err != nil {
		return err
	}
	return errSilent
}

// end asks the engine to end and waits for it. An engine that does not listen
// yet holds nothing, and is left to the exit of the process.
func end(ctx context.Context, c Config, listening <-chan struct{}, ended <-chan error) error {
	select {
	case <-listening:
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.StopWithin)
	defer cancel()
	if err := ending.Engine(ctx, address(c.Port), c.User, c.Password); err != nil {
		return fmt.Errorf("ask the ClickHouse engine to end: %w", err)
	}
	select {
	case err := <-ended:
		_ = err // it was asked to end: how it says so does not matter
		return nil
	case <-ctx.Done():
		return errors.New("the ClickHouse engine did not end in time and is left to the kernel")
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// watch closes listening when the port opens, and lost when it closes again
// (a local client could make the engine stop listening).
func watch(ctx context.Context, port int, listening, lost chan<- struct{}) {
	misses, open := 0, false
	wait := 10 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if listens(ctx, port) {
			if !open {
				open, wait = true, 2*time.Second
				close(listening)
			}
			misses = 0
		} else if open {
			if misses++; misses >= 3 {
				close(lost)
				return
			}
		}
		timer.Reset(wait)
	}
}

// listens says whether something accepts connections on a loopback port. To
// open and close a connection does the engine no harm.
func listens(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address(port))
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	// A dial into a free port of the ephemeral range can meet itself.
	return c.LocalAddr().String() != c.RemoteAddr().String()
}

// hush sends the process's standard output and error, which the engine writes
// to, into a pipe of our own. What it says may repeat content, so lines are
// only classified. The launcher's own words go to Words.
func hush(line func(string)) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the engine's output pipe: %w", err)
	}
	for _, fd := range []int{1, 2} {
		if err := unix.Dup2(int(w.Fd()), fd); err != nil {
			return fmt.Errorf("hush the engine: %w", err)
		}
	}
	go func() {
		s := bufio.NewReaderSize(r, 64<<10)
		for {
			text, err := s.ReadString('\n')
			line(text)
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// Words duplicates standard error for the launcher's own lines, before hush
// takes it from the engine.
func Words() (io.Writer, error) {
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("keep standard error: %w", err)
	}
	return os.NewFile(uintptr(fd), "words"), nil
}

// ReadPassword reads one line from a file that the parent handed over.
func ReadPassword(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 1024))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if password := strings.TrimSpace(string(b)); password != "" {
		return password, nil
	}
	return "", errors.New("the parent handed over no password")
}
