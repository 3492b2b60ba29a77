package procfs

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is one line about what is measured on: processor, cores, memory,
// kernel, Go, and the load before.
func Machine() string {
	return fmt.Sprintf("%s, %d cores, %s of memory, Linux %s, %s, load before %s",
		lineOf("/proc/cpuinfo", "model name"), runtime.NumCPU(), memory(), firstLine("/proc/sys/kernel/osrelease"), runtime.Version(), load())
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

func lineOf(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	var kib int64
	if _, err := fmt.Sscan(lineOf("/proc/meminfo", "MemTotal"), &kib); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

func load() string {
	f := strings.Fields(firstLine("/proc/loadavg"))
	return strings.Join(f[:min(3, len(f))], " ")
}

// Times are a machine's processors' own, all together, in the kernel's ticks since it
// began (proc_stat(5)).
type Times struct{ Idle, All float64 }

// Processors returns the times of now, zero where they are not told.
func Processors() (t Times) {
	fields := strings.Fields(firstLine("/proc/stat"))
	if len(fields) < 9 || fields[0] != "cpu" {
		return t
	}
	for i, field := range fields[1:9] { // the rest is of guests, counted already
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return Times{}
		}
		t.All += ticks
		if i == 3 || i == 4 { // idle, and idle while a disk was waited for
			t.Idle += ticks
		}
	}
	return t
}

// Busy is the share of the time since an earlier moment in which the processors were
// not idle, 0 to 1.
func (t Times) Busy(earlier Times) float64 {
	if t.All <= earlier.All {
		return 0
	}
	return 1 - (t.Idle-earlier.Idle)/(t.All-earlier.All)
}
