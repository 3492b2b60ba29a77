// Command run measures single events with durable answers beside a bare HTTP
// server that answers 204, in turn, and prints the table of ratios that it also
// writes to bench/results/.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"zgoda/bench"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "bare" {
		exit(bare())
	}
	connections := flag.Int("connections", 64, "connections of the closed loop")
	duration := flag.Duration("duration", 8*time.Second, "length of each measured round")
	rounds := flag.Int("rounds", 3, "rounds; the median ratio is reported")
	visitors := flag.Uint64("visitors", 100_000, "visitors to draw from, by Zipf's law")
	results := flag.String("results", filepath.Join("bench", "results"), "folder for the result")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(measure(ctx, *connections, *duration, *rounds, *visitors, *results))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bare serves the yardstick until its standard input ends.
func bare() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready public=http://%s\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return bench.ServeBare(l)
}

// server is a child process that has printed its ready line.
type server struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	public string
	ops    string
}

func start(ctx context.Context, name string, args ...string) (*server, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (run make build first): %w", name, err)
	}
	s := &server{cmd: cmd, stdin: stdin}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		rest, ready := strings.CutPrefix(lines.Text(), "ready ")
		if !ready {
			continue
		}
		for field := range strings.FieldsSeq(rest) {
			key, value, _ := strings.Cut(field, "=")
			u, err := url.Parse(value)
			if err != nil {
				return nil, fmt.Errorf("read the ready line of %s: %w", name, err)
			}
			switch key {
			case "public":
				s.public = u.Host
			case "ops":
				s.ops = u.Host
			}
		}
		go func() { _, _ = io.Copy(io.Discard, stdout) }()
		return s, nil
	}
	return nil, fmt.Errorf("%s ended before it was ready", name)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

func measure(ctx context.Context, connections int, duration time.Duration, rounds int, visitors uint64, results string) error {
	data, err := os.MkdirTemp("", "zgoda-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data) //nolint:errcheck // a temporary folder
	self, err := os.Executable()
	if err != nil {
		return err
	}
	yard, err := start(ctx, self, "bare")
	if err != nil {
		return err
	}
	defer yard.stop()
	zgoda, err := start(ctx, filepath.Join("bin", "zgoda"), "up", "--demo", "--data", data,
		"--public", "127.0.0.1:0", "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer zgoda.stop()

	var report strings.Builder
	fmt.Fprintf(&report, "# Single events, durable answers, %s\n\n%s\n\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), machine())
	fmt.Fprintf(&report, "Closed loop, %d connections, %v a round, %d visitors by Zipf's law, generator on the same machine;\n"+
		"everything on: signals, pseudonyms, keyholder, embedded ClickHouse ingesting.\n\n", connections, duration, visitors)
	load := bench.Load{Path: "/v1/track", Connections: connections, Duration: duration}
	ratios, err := alternate(ctx, &report, load, yard.public, zgoda.public, rounds, visitors)
	if err != nil {
		return err
	}
	slices.Sort(ratios)
	fmt.Fprintf(&report, "\nMedian ratio: %.2f. Resident memory of the gateway: %s.\n", ratios[len(ratios)/2], resident(zgoda.cmd.Process.Pid))
	fates, err := fates(ctx, zgoda.ops)
	if err != nil {
		return err
	}
	fmt.Fprintf(&report, "\nFates at the end:\n\n```\n%s```\n", fates)
	fmt.Print(report.String())
	name := filepath.Join(results, time.Now().UTC().Format("2006-01-02")+"-single.md")
	return os.WriteFile(name, []byte(report.String()), 0o644) //nolint:gosec // a report for everyone
}

// alternate loads the yardstick and the gateway in turn and returns the ratios.
func alternate(ctx context.Context, report *strings.Builder, load bench.Load, bare, gateway string, rounds int, visitors uint64) ([]float64, error) {
	load.Address, load.Body = gateway, bench.Single("warm", visitors)
	if _, err := load.Run(ctx); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	fmt.Fprintf(report, "| round | bare 204/s | zgoda/s | ratio | p50 | p99 | p99.9 | refused |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	var ratios []float64
	for round := range rounds {
		load.Body = bench.Single(fmt.Sprintf("r%d", round), visitors)
		load.Address = bare
		base, err := load.Run(ctx)
		if err != nil {
			return nil, fmt.Errorf("bare yardstick: %w", err)
		}
		load.Address = gateway
		got, err := load.Run(ctx)
		if err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
		ratio := got.PerSecond() / base.PerSecond()
		ratios = append(ratios, ratio)
		fmt.Fprintf(report, "| %d | %.0f | %.0f | %.2f | %v | %v | %v | %d |\n", round+1, base.PerSecond(), got.PerSecond(), ratio,
			got.P50.Round(time.Microsecond), got.P99.Round(time.Microsecond), got.P999.Round(time.Microsecond), got.Refused)
	}
	return ratios, nil
}

// fates reads the counters of events that are not zero.
func fates(ctx context.Context, ops string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/metrics", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	var out strings.Builder
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "zgoda_events_") && !strings.HasSuffix(lines.Text(), " 0") {
			out.WriteString(lines.Text() + "\n")
		}
	}
	return out.String(), errors.Join(lines.Err())
}

// machine is one line about what was measured on.
func machine() string {
	model, load := "unknown processor", "unknown"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s, load before %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}

func resident(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
