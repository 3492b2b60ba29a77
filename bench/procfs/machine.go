package procfs

import (
	"fmt"
	"os"
	"runtime"
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
