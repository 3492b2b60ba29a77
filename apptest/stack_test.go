package apptest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/disk"
	"zgoda/engine"
)

// bin is the folder of the binaries under test, built by TestMain.
var bin string

func TestMain(m *testing.M) {
	code, err := 0, disk.RunIfAsked()
	if err == nil {
		code, err = buildAndRun(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apptest:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "zgoda-apptest-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	bin = dir
	return m.Run(), nil
}

// stack is one running `zgoda up` with its children.
type stack struct {
	data                 string
	dir                  string // where commands are typed; empty: the test's own folder
	log                  *logFile
	cmd                  *exec.Cmd
	public, console, ops string          // http://host:port
	args                 []string        // added to zgoda up
	command              []string        // instead of zgoda up, but for --public
	programs             string          // folder of the binaries; empty: bin
	disk                 disk.Disk       // what zgoda itself runs on; nil: the machine's
	prepare              func(*exec.Cmd) // the process before its start; may be nil
	ended                chan struct{}   // closed when the process has been waited for
}

// logFile gathers what all processes of a stack print, over restarts.
type logFile struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// up starts a stack on a folder of the test's own and stops it at its end.
func up(t *testing.T, args ...string) *stack {
	t.Helper()
	s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, args: args}
	s.run(t)
	return s
}

// run starts a stack that has been made and stops it at the test's end.
func (s *stack) run(t *testing.T) {
	t.Helper()
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("what the processes printed:\n%s", tail(s.log.String(), 8000))
		}
	})
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// start runs `zgoda up --demo` until its ready line. A restart keeps the public
// address, as a service would.
func (s *stack) start(t *testing.T, public string) {
	t.Helper()
	args := append([]string{
		"up", "--demo", "--data", s.data,
		"--public", public, "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}, s.args...)
	if s.command != nil {
		args = append(s.command, "--public", public)
	}
	s.cmd = exec.Command(s.program("zgoda"), args...)
	s.cmd.Stderr, s.cmd.Dir = s.log, s.dir
	if s.dir != "" { // far from node_modules
		library, err := engine.Find()
		if err != nil {
			t.Fatal(err)
		}
		s.cmd.Env = append(os.Environ(), engine.LibraryVariable+"="+library)
	}
	if s.prepare != nil {
		s.prepare(s.cmd)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := func() {}
	if s.disk != nil {
		started = s.disk.Wrap(t, s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started()
	ready := make(chan string, 1)
	s.ended = make(chan struct{})
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			_, _ = fmt.Fprintln(s.log, lines.Text())
			if rest, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- rest
			}
		}
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	select {
	case line := <-ready:
		s.readReady(t, line)
	case <-s.ended:
		t.Fatalf("zgoda up ended before it was ready:\n%s", s.log)
	case <-time.After(60 * time.Second):
		_ = s.cmd.Process.Kill()
		t.Fatalf("zgoda up was not ready within a minute:\n%s", s.log)
	}
}

// program returns the path of a binary under test.
func (s *stack) program(name string) string {
	if s.programs != "" {
		return filepath.Join(s.programs, name)
	}
	return filepath.Join(bin, name)
}

func (s *stack) readReady(t *testing.T, line string) {
	t.Helper()
	for field := range strings.FieldsSeq(line) {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "public":
			s.public = value
		case "console":
			s.console = value
		case "ops":
			s.ops = value
		}
	}
	if s.public == "" || s.console == "" || s.ops == "" {
		t.Fatalf("ready line without its three addresses: %q", line)
	}
}

// stop sends SIGTERM and expects exit code 0.
func (s *stack) stop(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(40 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
		t.Errorf("zgoda up did not end within 40 s of SIGTERM")
		return
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("zgoda up ended with %d after SIGTERM", code)
	}
}

// host returns host:port of an http URL of the stack.
func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// child returns the process id of the stack's child with the given binary, 0
// when it is not running at the moment.
func (s *stack) child(name string) int {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		_, after, ok := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		if !ok || len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(s.cmd.Process.Pid) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if program, _, _ := strings.Cut(string(cmdline), "\x00"); filepath.Base(program) == name {
			return pid
		}
	}
	return 0
}

// zgoda runs a command against the stack and returns what it printed.
func (s *stack) zgoda(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program("zgoda"), args...)
	cmd.Env = append(os.Environ(), "ZGODA_DATA="+s.data)
	cmd.Stdin, cmd.Dir = strings.NewReader(stdin), s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// sql runs a query as the administrator and returns its rows as TSV.
func (s *stack) sql(t *testing.T, query string) string {
	t.Helper()
	out, errs, code := s.zgoda(t, "", "sql", "--data", s.data, "--format", "TSV", query)
	if code != 0 {
		t.Fatalf("zgoda sql ended with %d: %s", code, errs)
	}
	return strings.TrimSuffix(out, "\n")
}

// rows runs a query and returns the cells of its rows.
func (s *stack) rows(t *testing.T, query string) [][]string {
	t.Helper()
	var all [][]string
	for line := range strings.SplitSeq(s.sql(t, query), "\n") {
		all = append(all, strings.Split(line, "\t"))
	}
	return all
}

// metrics reads every sample of /metrics by its name and labels.
func (s *stack) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	body := get(t, s.ops+"/metrics")
	all := map[string]float64{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			all[line[:i]] = v
		}
	}
	return all
}

// eventually polls until ok, or fails with what was waited for.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	poll(t, 50*time.Millisecond, within, what, ok)
}

// soon is for what is over within milliseconds. It returns how long that took.
func soon(t *testing.T, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	poll(t, time.Millisecond, within, what, ok)
	return time.Since(began)
}

func poll(t *testing.T, every, within time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	late := time.After(within)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// settled waits until no event is in flight and checks I5 at that scrape.
func (s *stack) settled(t *testing.T, within time.Duration) map[string]float64 {
	t.Helper()
	var m map[string]float64
	eventually(t, within, "no event in flight", func() bool {
		m = s.metrics(t)
		balance(t, m)
		return m["zgoda_events_in_flight"] == 0
	})
	return m
}

// balance checks I5 on one scrape.
func balance(t *testing.T, m map[string]float64) {
	t.Helper()
	begun := m["zgoda_events_received_total"] + m["zgoda_events_recovered_total"]
	var fated float64
	for name, v := range m {
		base, _, _ := strings.Cut(name, "{")
		switch base {
		case "zgoda_events_stored_total", "zgoda_events_duplicate_total", "zgoda_events_dropped_total",
			"zgoda_events_dropped_later_total", "zgoda_events_refused_total", "zgoda_events_quarantined_total",
			"zgoda_events_in_flight":
			fated += v
		}
	}
	if begun != fated {
		t.Errorf("I5 broken: received + recovered = %v, all fates = %v", begun, fated)
	}
}
