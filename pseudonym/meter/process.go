package meter

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process adds what the system knows of this process, under the names that
// Prometheus' own libraries have for it. What cannot be read is 0.
func (s *Set) Process() {
	began := float64(time.Now().UnixMilli()) / 1000
	s.Counts("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", processor)
	s.Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", func() float64 { return float64(pages(1)) })
	s.Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", func() float64 { return float64(pages(0)) })
	s.Gauge("process_open_fds", "Number of open file descriptors.", files)
	s.Gauge("process_max_fds", "Maximum number of open file descriptors.", func() float64 {
		var limit unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) // then it stays 0
		return float64(limit.Cur)
	})
	s.Gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", func() float64 { return began })
	s.Gauge("go_goroutines", "Number of goroutines that currently exist.", func() float64 { return float64(runtime.NumGoroutine()) })
}

func processor() float64 {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// pages returns a field of /proc/self/statm in bytes.
func pages(field int) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if field >= len(fields) {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[field]), 10, 64)
	return n * int64(os.Getpagesize())
}

// files counts the open files, less the one that is open to count them.
func files() float64 {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return float64(len(names) - 1)
}
