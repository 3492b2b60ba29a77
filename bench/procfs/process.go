package procfs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat on Linux.
const tick = 10 * time.Millisecond

// CPU is the time that processors spent on a process.
type CPU struct {
	User, System time.Duration
}

// Total returns both together.
func (c CPU) Total() time.Duration { return c.User + c.System }

// Sub returns what was spent since earlier.
func (c CPU) Sub(earlier CPU) CPU {
	return CPU{User: c.User - earlier.User, System: c.System - earlier.System}
}

// Add returns both together.
func (c CPU) Add(other CPU) CPU {
	return CPU{User: c.User + other.User, System: c.System + other.System}
}

// fields are those of /proc/PID/stat after the program's name, which may hold
// blanks: the state is the first.
func fields(pid int) []string {
	stat, err := os.ReadFile(file(pid, "stat"))
	if err != nil {
		return nil
	}
	text := string(stat)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

func file(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// CPUOf returns what process pid has used.
func CPUOf(pid int) CPU {
	f := fields(pid)
	if len(f) < 13 {
		return CPU{}
	}
	return CPU{User: ticks(f[11]), System: ticks(f[12])}
}

func ticks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * tick
}

// Child returns the process that parent started with the program of the name, 0
// when there is none.
func Child(parent int, name string) int {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		f := fields(pid)
		if len(f) < 2 || f[0] == "Z" || f[1] != strconv.Itoa(parent) {
			continue
		}
		line, _ := os.ReadFile(file(pid, "cmdline"))
		program, _, _ := strings.Cut(string(line), "\x00")
		if filepath.Base(program) == name {
			return pid
		}
	}
	return 0
}

// Children returns the processes that parent started.
func Children(parent int) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := fields(pid); len(f) > 1 && f[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Status is a part of /proc/PID/status. Sizes are in bytes.
type Status struct {
	Resident, ResidentPeak int64 // VmRSS, VmHWM
	Threads                int64
}

// StatusOf returns the status of process pid.
func StatusOf(pid int) (s Status) {
	text, _ := os.ReadFile(file(pid, "status"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			s.Resident = n << 10
		case "VmHWM":
			s.ResidentPeak = n << 10
		case "Threads":
			s.Threads = n
		}
	}
	return s
}

// Descriptors returns how many files process pid has open; -1 where only root
// may know.
func Descriptors(pid int) int {
	entries, err := os.ReadDir(file(pid, "fd"))
	if err != nil {
		return -1
	}
	return len(entries)
}
