package deploy_test

import (
	"os/exec"
	"strings"
	"testing"
)

// needed are the calls without which a process does not start: the keyholder's own
// filter, its sockets given to their group, and what package harden asks for.
var needed = map[string][]string{
	"zgoda-keyholder": {"seccomp", "fchownat", "mlockall", "prctl", "prlimit64", "capget", "flock", "bind", "sched_setattr", "sched_getattr"},
	"zgoda-kek":       {"prctl", "prlimit64", "bind", "connect"},
	"zgoda":           {"prctl", "prlimit64", "flock", "bind", "connect"},
}

// TestFiltersLeaveWhatIsNeeded expands the filters of system calls as systemd does,
// line by line.
func TestFiltersLeaveWhatIsNeeded(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("no systemd here to ask")
		return
	}
	for name, calls := range needed {
		left := map[string]bool{}
		for _, line := range lines(t, name) {
			sets, ok := strings.CutPrefix(line, "SystemCallFilter=")
			if !ok {
				continue
			}
			sets, without := strings.CutPrefix(sets, "~")
			for set := range strings.FieldsSeq(sets) {
				for _, call := range callsOf(t, analyze, set) {
					left[call] = !without
				}
			}
		}
		for _, call := range calls {
			if !left[call] {
				t.Errorf("%s: the filter refuses %s", name, call)
			}
		}
		if left["ptrace"] || left["mount"] || left["keyctl"] {
			t.Errorf("%s: the filter refuses too little", name)
		}
	}
}

// callsOf are the calls of a set, and of the sets in it.
func callsOf(t *testing.T, analyze, set string) (calls []string) {
	t.Helper()
	if !strings.HasPrefix(set, "@") {
		return []string{set}
	}
	out, err := exec.CommandContext(t.Context(), analyze, "syscall-filter", "--no-pager", set).Output()
	if err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	for line := range strings.Lines(string(out)) {
		word, indented := strings.CutPrefix(line, "    ")
		if word = strings.TrimSpace(word); indented && !strings.HasPrefix(word, "#") {
			calls = append(calls, callsOf(t, analyze, word)...)
		}
	}
	return calls
}
